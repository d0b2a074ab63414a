import { instances, linodeInstance } from "../lib/clouds";
import type { Rule } from "../lib/rule";

export const imagesPinned: Rule = {
  name: "images-pinned",
  what: "A machine's image is one certain image, or at least one release of a distribution.",
  why: "A name that moves gives the next machine of a cluster another system than its neighbours have.",
  remediation:
    "Linode: private/<number>, or linode/<distribution><release>. OpenStack: imageId instead of imageName.",
  severity: "medium",
  level: "mandatory",
  types: instances,
  resource({ type, props }, { violation }) {
    if (type === linodeInstance) {
      const image = props.text("image");
      // One without is made of a backup or of disks of its own.
      if (image !== undefined && !/^(private\/\d+|linode\/[a-z-]+\d[\w.]*)$/.test(image))
        violation(`image ${image} is no certain release`);
    } else if (!props.has("imageId") && props.has("imageName")) {
      violation(`imageName ${props.text("imageName")} may be another image tomorrow`);
    }
  },
};
