import type { Versions } from "../topology/model";

/** The versions that this library was tested with; the first of each is the default. */
export const supportedVersions: { readonly [P in keyof Versions]: readonly [string, ...string[]] } = {
  consul: ["1.21.0"],
  vault: ["1.21.1"],
  nomad: ["1.11.1"],
  cfssl: ["1.6.5"],
  fabio: ["1.5.15"],
  traefik: ["3.6.12"],
  caddy: ["2.11.9"],
};
