"""The story that minikctl promises, told through its real command line on every engine there is."""
