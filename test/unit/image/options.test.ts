import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { projectRoot } from "../../../lab/toolchain/goModule";

/**
 * What the template asks of Linode's plugin for Packer, whose releases no test can count on: by its reference,
 * https://developer.hashicorp.com/packer/integrations/linode/linode/v1.12.1/components/builder/linode
 */
const required = ["image", "instance_type", "region"];
const optional = [
  ...[
    "authorized_keys",
    "authorized_users",
    "cloud_init",
    "firewall_id",
    "image_create_timeout",
    "image_description",
  ],
  ...[
    "image_label",
    "instance_label",
    "instance_tags",
    "linode_token",
    "private_ip",
    "root_pass",
    "stackscript_data",
  ],
  ...["stackscript_id", "state_timeout", "swap_size"],
];
/** Of every plugin that logs in by SSH: https://developer.hashicorp.com/packer/docs/communicators/ssh */
const communicator = ["ssh_timeout", "ssh_username"];

test("the template gives Linode's plugin what it must have, and nothing that it does not know", () => {
  const text = readFileSync(join(projectRoot(), "image/template/linode.pkr.hcl"), "utf8");
  const source = /^source "linode" "image" \{$([\s\S]*?)^\}$/m.exec(text)?.[1] ?? "";
  const given = [...source.matchAll(/^ {2}(\w+)\s+=/gm)].map(([, name = ""]) => name);
  expect(given).toEqual(expect.arrayContaining(required));
  expect([...required, ...optional, ...communicator]).toEqual(expect.arrayContaining(given));
  // Without it machines of the image are handed no user data.
  expect(source).toMatch(/cloud_init\s+= true/);
});
