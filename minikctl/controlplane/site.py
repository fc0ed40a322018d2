"""What distinguishes this cluster from others on the same engine, as far as controllers care."""

from __future__ import annotations

from msgspec import Struct

PROXY_IMAGE = "rancher/klipper-lb:v0.4.17"
"""For Services' proxies: Alpine with nft, sh and ip; what k3s publishes LoadBalancers with."""
INGRESS_IMAGE = "nginx:1.29-alpine"


class Site(Struct, frozen=True):
    cluster_id: str = ""
    """Clusters that share an engine share its network: with this their Services get different addresses."""
    proxy_image: str = PROXY_IMAGE
    ingress_image: str = INGRESS_IMAGE
    ingress_http_port: int = 80
    """Of the host, for all Ingresses; 0: not published."""
    ingress_https_port: int = 443
