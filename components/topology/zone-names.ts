/**
 * firewalld 1.3 dispatches by source in the order of the zones' names, without regard to the length of prefixes
 * (nftables.py, `_run_replace_zone_source`): the narrow ones have the lower numbers.
 */
export const order = {
  machines: "hs10",
  admins: "hs20",
  clients: "hs30",
  tunnel: "hs40",
  world: "hs90",
} as const;

/** The zone of administrators' networks. */
export const adminsZone = `${order.admins}-admins`;
/** The zone of what came through a tunnel to support, and wants to go on. */
export const tunnelZone = `${order.tunnel}-way-out`;
