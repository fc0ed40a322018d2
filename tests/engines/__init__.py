"""The real engines that tests marked `engine` run against. See `rig`."""
