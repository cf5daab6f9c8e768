"""What a warehouse costs per hour: an estimate from a small table with its date and region."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["AS_OF", "MANAGED_STORAGE_GB_MONTH", "REGION", "Estimate", "estimate"]

# On-demand list prices in US dollars, as AWS published them for this region in this month.
REGION = "us-east-1"
AS_OF = "2026-03"
NODE_HOUR = {
    "ra3.large": 0.543,
    "ra3.xlplus": 1.086,
    "ra3.4xlarge": 3.26,
    "ra3.16xlarge": 13.04,
    # These came later in 2026.
    "rg.large": 0.3801,
    "rg.xlarge": 0.7602,
    "rg.4xlarge": 3.0427,
    "rg.12xlarge": 9.128,
}
RPU_HOUR = 0.375
PUBLIC_ADDRESS_HOUR = 0.005
MANAGED_STORAGE_GB_MONTH = 0.024
SECRET_MONTH = 0.40


@dataclass(frozen=True)
class Estimate:
    """What a warehouse may cost; the bill decides.

    :ivar dollars_an_hour: while it runs, without storage and traffic; None if the node type has no price here.
    :ivar how: what the estimate is made of.
    """

    dollars_an_hour: float | None
    how: str
    as_of: str = AS_OF
    region: str = REGION

    def __str__(self) -> str:
        if self.dollars_an_hour is None:
            return f"no estimate: {self.how}"
        return (
            f"about ${self.dollars_an_hour:.2f} an hour ({self.how}); an estimate from the list prices of "
            f"{self.region} in {self.as_of}, without storage (${MANAGED_STORAGE_GB_MONTH} a GB and month)"
        )


def estimate(
    node_type: str, nodes: int, *, serverless_capacity: int | None = None, public: bool = False
) -> Estimate:
    """What one hour costs.

    :param serverless_capacity: RPUs, for an hour in which queries run; an idle hour costs nothing.
    """
    if serverless_capacity is not None:
        return Estimate(
            serverless_capacity * RPU_HOUR,
            f"{serverless_capacity} RPU at ${RPU_HOUR}, only while queries run, 60 seconds at least",
        )
    price = NODE_HOUR.get(node_type)
    if price is None:
        return Estimate(
            None, f"this version knows no price of {node_type}; see aws.amazon.com/redshift/pricing"
        )
    # Each node of a public cluster has an address, and so does the leader if there are several.
    addresses = (nodes if nodes == 1 else nodes + 1) if public else 0
    how = f"{nodes} x {node_type} at ${price:g}"
    if addresses:
        how += f", {addresses} public IPv4 at ${PUBLIC_ADDRESS_HOUR}"
    return Estimate(nodes * price + addresses * PUBLIC_ADDRESS_HOUR, how)
