"""The shapes of warehouses that AWS offers: kinds, node types and their numbers, and capacities."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["shape_problems"]

# The smallest and the largest number of nodes that a new cluster may have.
_NODES = {"ra3.large": (1, 16), "ra3.xlplus": (1, 16), "ra3.4xlarge": (2, 32), "ra3.16xlarge": (2, 128)}
# AWS creates no new clusters of these. Beside each: what its upgrade table recommends for our size.
_NEAREST = {
    "dc1.large": "ra3.large",
    "dc1.8xlarge": "ra3.4xlarge",
    "dc2.large": "ra3.large",
    "dc2.8xlarge": "ra3.4xlarge",
    "ds2.xlarge": "ra3.xlplus",
    "ds2.8xlarge": "ra3.4xlarge",
}
# https://docs.aws.amazon.com/redshift/latest/mgmt/serverless-capacity.html
_CAPACITIES = (4, *range(8, 512, 8), *range(512, 1025, 32))


def shape_problems(kind: str, node_type: str, nodes: int, capacity: int, *, serverless: bool) -> Iterator[str]:
    """What AWS would refuse, one sentence each.

    :param kind: in lower case.
    :param capacity: RPUs; ignored for a cluster.
    :param serverless: whether it is known to be serverless, whatever ``kind`` says.
    """
    if kind not in ("single-node", "multi-node", "serverless"):
        yield f"DWH_CLUSTER_TYPE is {kind}: give single-node, multi-node or serverless"
    if serverless:
        if capacity not in _CAPACITIES:
            yield f"DWH_BASE_CAPACITY is {capacity}: give 4, a multiple of 8 up to 512, or of 32 up to 1024"
        return
    if kind == "single-node" and nodes != 1:
        yield (
            f"DWH_CLUSTER_TYPE is single-node and DWH_NUM_NODES is {nodes}: "
            "give multi-node, or leave DWH_NUM_NODES out"
        )
    if kind == "multi-node" and nodes < 2:
        yield f"DWH_CLUSTER_TYPE is multi-node and DWH_NUM_NODES is {nodes}: give 2 or more, or single-node"
    if nearest := _NEAREST.get(node_type):
        yield (
            f"DWH_NODE_TYPE is {node_type}, of which AWS creates no new clusters; "
            f"the nearest is {nearest}: set DWH_NODE_TYPE = {nearest}"
        )
    fewest, most = _NODES.get(node_type, (1, 128))
    if kind in ("single-node", "multi-node") and not fewest <= nodes <= most:
        yield f"DWH_NUM_NODES is {nodes}: a new cluster of {node_type} has {fewest} to {most} nodes"
