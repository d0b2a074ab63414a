import type { Rule } from "../lib/rule";

interface Form {
  path: string;
  least: number;
  most: number;
  look: RegExp;
  hint: string;
}

const label = (least: number, most: number): Form => ({
  path: "label",
  least,
  most,
  look: /^(?!.*(--|__|\.\.))[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?$/,
  hint: "letters, digits, single - _ and ., a letter or digit at both ends",
});

const forms: Readonly<Record<string, Form>> = {
  "linode:index/instance:Instance": label(3, 64),
  "linode:index/firewall:Firewall": label(3, 32),
  "linode:index/placementGroup:PlacementGroup": label(1, 64),
  "linode:index/volume:Volume": label(1, 32),
  "linode:index/nodeBalancer:NodeBalancer": label(3, 32),
  "linode:index/vpc:Vpc": {
    ...label(1, 64),
    look: /^(?!.*--)[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?$/,
    hint: "letters, digits and single -",
  },
  "openstack:compute/instance:Instance": {
    path: "name",
    least: 1,
    most: 63,
    look: /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/,
    hint: "letters, digits, - and ., since it becomes the host name",
  },
};

export const namesValid: Rule = {
  name: "names-valid",
  what: "Names have the form that their cloud accepts.",
  why: "The cloud would refuse them at `up`, when half of the stack has been made.",
  remediation: "Choose a shorter or plainer name.",
  severity: "low",
  level: "mandatory",
  types: Object.keys(forms),
  resource({ type, props }, { violation }) {
    const form = forms[type];
    const name = form && props.text(form.path);
    if (!form || name === undefined) return;
    const { path, least, most, look, hint } = form;
    if (name.length < least || name.length > most)
      violation(`${path} "${name}" has ${name.length} characters; the cloud takes ${least} to ${most}`);
    if (!look.test(name)) violation(`${path} "${name}" is not made of ${hint}`);
  },
};
