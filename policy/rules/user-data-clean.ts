import { instances, linodeInstance } from "../lib/clouds";
import type { Rule } from "../lib/rule";
import { decoded, secretOrAssignment } from "../lib/secrets";

/** A host key for cloud-init, as YAML or JSON: up to the end of the key. */
const hostKey = /["']?(rsa|dsa|ecdsa|ed25519)_private["']?\s*:[\s\S]*?-----END [A-Z0-9 ]*PRIVATE KEY-----/g;

/** Ways of cloud-init to set passwords. */
const password = /^\s*["']?(password|passwd|hashed_passwd|plain_text_passwd|chpasswd)["']?\s*:\s*\S/m;

export const userDataClean: Rule = {
  name: "user-data-clean",
  what: "User data holds no secret, but at most a throw-away host key.",
  why: "Everybody who runs on the machine can ask the cloud for it, for as long as the machine lives.",
  remediation:
    "Send secrets over SSH once the machine runs. A host key in user data (cloud-init's ssh_keys) must be replaced at the first contact; set hostKey to false where none is wanted.",
  severity: "high",
  level: "mandatory",
  types: instances,
  config: {
    hostKey: {
      type: "boolean",
      default: true,
      description: "Whether a host key for the first contact may be there.",
    },
  },
  resource({ type, props }, { violation, each }, config) {
    const places =
      type === linodeInstance
        ? props.items("metadatas").map((each) => ({ at: "userData", cursor: each }))
        : [{ at: "userData", cursor: props }];
    each(places, ({ at, cursor }) => {
      const text = decoded(cursor.text(at) ?? "");
      const rest = config.hostKey === false ? text : text.replace(hostKey, "");
      const found = password.test(rest) ? "a password" : secretOrAssignment(rest);
      if (found) violation(`user data holds ${found}`);
    });
  },
};
