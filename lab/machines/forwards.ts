import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { MachineAddresses } from "./addresses.js";
import { hostGroup, trackingBase } from "./cgroups.js";
import { listens } from "./commands.js";
import { detach } from "./detach.js";
import { LabError } from "./errors.js";
import { holdsProcess, signal } from "./groups.js";
import type { OpenLab } from "./lab.js";
import { namespacePath, outsideNamespace } from "./names.js";
import { scriptPath } from "./paths.js";
import { until } from "./run.js";
import { entries, type MachineRecord, machineDir } from "./state.js";

/** Starts the listeners that are missing and ends those of ports that are no longer public. */
export async function ensureForwards(
  open: OpenLab,
  record: MachineRecord,
  addresses: MachineAddresses,
): Promise<void> {
  const { publicIpv4, forwardAddress } = addresses;
  if (!publicIpv4 || !forwardAddress) return;
  const host = hostGroup(trackingBase(open.cgroups), record.name);
  const dir = join(machineDir(open.lab, record.name), "forwards");
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const known = entries(dir).filter((file) => file.endsWith(".pid"));
  for (const file of known) {
    if (record.publicPorts.includes(Number(file.replace(".pid", "")))) continue;
    const pid = Number(readFileSync(join(dir, file), "utf8"));
    if (holdsProcess(host, pid)) signal(pid, "SIGKILL");
    rmSync(join(dir, file));
  }
  const missing = record.publicPorts.filter((port) => {
    const file = join(dir, `${port}.pid`);
    return !existsSync(file) || !holdsProcess(host, Number(readFileSync(file, "utf8")));
  });
  await Promise.all(
    missing.map(async (port) => {
      const listen = `${forwardAddress}:${port}`;
      const what = `The forward ${listen} of machine ${record.name}`;
      const isHeard = (): boolean => listens(readFileSync("/proc/net/tcp", "utf8"), port, forwardAddress);
      if (isHeard()) throw new LabError(`${what} cannot listen: another program does.`);
      const file = join(dir, `${port}.pid`);
      const log = join(dir, `${port}.log`);
      const namespace = namespacePath(outsideNamespace(open.lab));
      const argv = [scriptPath("forward.sh"), file, host, listen, namespace, `${publicIpv4}:${port}`];
      const { over } = detach(argv, log);
      await until(what, 10_000, () => {
        const why = over();
        if (why !== undefined) throw new LabError(`${what} ended: ${why}`);
        return isHeard();
      });
    }),
  );
}
