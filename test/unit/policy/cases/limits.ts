import { unknown } from "../engine";
import { type Cases, linode, local, nova, record } from "./resources";

export const limits: Readonly<Record<string, Cases>> = {
  regions: {
    pass: [
      { resources: [linode()], config: { allowed: ["de-fra-2"] } },
      { resources: [nova()], config: { allowed: ["x"] } },
    ],
    fail: [
      {
        resources: [linode()],
        config: { allowed: ["eu-central"] },
        says: "region de-fra-2 is none of eu-central",
      },
    ],
    unknown: [{ resources: [linode({ region: unknown })], config: { allowed: ["x"] } }],
    notApplicable: [{ resources: [linode()] }, { resources: [local()], config: { allowed: ["x"] } }],
  },
  "dns-owner": {
    pass: [{ resources: [record] }, { resources: [record], config: { domains: ["example.org"] } }],
    fail: [
      { resources: [record], stack: "dev", says: "the stack dev owns no domain" },
      { resources: [record], config: { domains: ["example.com"] }, says: "www.example.org is in none of" },
    ],
    unknown: [{ resources: [{ ...record, props: { name: unknown } }], config: { domains: ["example.org"] } }],
    notApplicable: [{ resources: [local()] }],
  },
  budget: {
    pass: [
      {
        resources: [linode(), linode({ backupsEnabled: true }, { name: "b" })],
        config: { monthlyLimit: 53 },
      },
      { resources: [nova()], config: { monthlyLimit: 40, prices: { "m1.medium": 31 } } },
      {
        resources: [
          { type: "linode:index/volume:Volume", props: { size: 100 } },
          { type: "linode:index/nodeBalancer:NodeBalancer", name: "n" },
        ],
        config: { monthlyLimit: 20 },
      },
    ],
    fail: [
      {
        resources: [linode(), linode({ backupsEnabled: true }, { name: "b" })],
        config: { monthlyLimit: 52 },
        says: "a month costs 53.00, and the limit is 52.00",
      },
      { resources: [linode({ region: "br-gru" })], config: { monthlyLimit: 30 }, says: "33.60" },
      {
        resources: [linode({ type: "g9-huge" })],
        config: { monthlyLimit: 30 },
        says: "nobody knows what this costs",
      },
      { resources: [nova()], config: { monthlyLimit: 30 }, says: "nobody knows" },
    ],
    unknown: [{ resources: [linode({ type: unknown })], config: { monthlyLimit: 30 } }],
    notApplicable: [{ resources: [linode()] }, { resources: [local()], config: { monthlyLimit: 1 } }],
  },
};
