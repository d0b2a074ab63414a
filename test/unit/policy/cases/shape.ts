import { unknown } from "../engine";
import { type Cases, inbound, linode, local, nova, server } from "./resources";

export const shape: Readonly<Record<string, Cases>> = {
  "servers-odd": {
    pass: [
      { resources: ["a", "b", "c"].map((name) => server("ConsulServer", name)) },
      { resources: [linode({ tags: ["vault-server"] })] },
    ],
    fail: [
      {
        resources: ["a", "b"].map((name) => server("VaultServer", name)),
        says: "2 machines with the role vault-server",
      },
      {
        resources: ["a", "b", "c", "d"].map((name) => linode({ tags: ["role:nomad-server"] }, { name })),
        says: "4 machines with the role nomad-server",
      },
      {
        resources: ["a", "b"].map((name) => nova({ metadata: { roles: "consul-server, x" } }, { name })),
        says: "2",
      },
    ],
    unknown: [{ resources: [linode({ tags: unknown })] }],
    notApplicable: [{ resources: [local()] }],
  },
  "servers-spread": {
    pass: [
      {
        resources: ["a", "b"].map((name) =>
          linode({ tags: ["consul-server"], placementGroup: { id: unknown } }, { name }),
        ),
      },
      {
        resources: [
          ...["a", "b", "c"].map((name) =>
            nova({ schedulerHints: [{ group: unknown }] }, { name, parent: name }),
          ),
          ...["a", "b", "c"].map((name) => server("ConsulServer", name)),
          {
            type: "openstack:compute/serverGroup:ServerGroup",
            name: "g",
            props: { policies: ["soft-anti-affinity"] },
          },
        ].map((each) =>
          "parent" in each && each.type.startsWith("openstack")
            ? { ...each, parent: each.name, name: `${each.name}-machine` }
            : each,
        ),
      },
      { resources: [linode({ tags: ["consul-server"] })] },
    ],
    fail: [
      {
        resources: ["a", "b"].map((name) => linode({ tags: ["consul-server"] }, { name })),
        says: "same host",
      },
      {
        resources: ["a", "b"].map((name) =>
          nova({ tags: ["vault-server"], schedulerHints: [{ queries: [] }] }, { name }),
        ),
        says: "same host",
      },
      {
        resources: [
          ...["a", "b", "c"].flatMap((name) => [
            linode({}, { name: `${name}-machine`, parent: name }),
            server("VaultServer", name),
          ]),
        ],
        says: "same host",
      },
      {
        resources: [
          ...["a", "b"].map((name) =>
            linode({ tags: ["consul-server"], placementGroup: { id: 4 } }, { name }),
          ),
          {
            type: "linode:index/placementGroup:PlacementGroup",
            name: "g",
            props: { placementGroupType: "affinity:local" },
          },
        ],
        says: "affinity:local",
      },
    ],
    unknown: [
      {
        resources: ["a", "b"].map((name) =>
          nova({ tags: ["consul-server"], schedulerHints: unknown }, { name }),
        ),
      },
    ],
    notApplicable: [{ resources: [local()] }],
  },
  "pet-protected": {
    pass: [
      { resources: [linode({}, { name: "support-a", protect: true })] },
      { resources: [linode({}, { name: "support-a" })], stack: "dev" },
      { resources: [nova()] },
    ],
    fail: [
      { resources: [linode({}, { name: "support-a" })], says: "not protected" },
      { resources: [nova({ tags: ["support"] })], says: "not protected" },
    ],
    unknown: [{ resources: [linode({ tags: unknown })] }],
    notApplicable: [{ resources: [local()] }],
  },
  "pet-backed-up": {
    pass: [
      { resources: [linode({ backupsEnabled: true }, { name: "support-a" })] },
      { resources: [linode({}, { name: "support-a" })], stack: "dev-anna", config: { devStacks: ["dev-*"] } },
    ],
    fail: [{ resources: [linode({}, { name: "support-a" })], says: "no backups" }],
    unknown: [{ resources: [linode({ backupsEnabled: unknown }, { name: "support-a" })] }],
    notApplicable: [{ resources: [local()] }, { resources: [nova({}, { name: "support-a" })] }],
  },
  "images-pinned": {
    pass: [
      { resources: [linode()] },
      { resources: [linode({ image: "linode/debian12" })] },
      { resources: [nova()] },
    ],
    fail: [
      { resources: [linode({ image: "linode/arch" })], says: "linode/arch" },
      { resources: [nova({ imageId: undefined, imageName: "debian" })], says: "imageName debian" },
    ],
    unknown: [{ resources: [linode({ image: unknown })] }],
    notApplicable: [{ resources: [local()] }],
  },
  "names-valid": {
    pass: [{ resources: [linode()] }, { resources: [nova()] }],
    fail: [
      { resources: [linode({ label: "a--b" })], says: "is not made of" },
      { resources: [linode({ label: "x".repeat(65) })], says: "65 characters" },
      {
        resources: [inbound({})].map((each) => ({ ...each, props: { label: "x".repeat(33) } })),
        says: "3 to 32",
      },
      { resources: [nova({ name: "under_score" })], says: "under_score" },
    ],
    unknown: [{ resources: [linode({ label: unknown })] }],
    notApplicable: [{ resources: [local()] }],
  },
};
