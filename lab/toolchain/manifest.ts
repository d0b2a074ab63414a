/**
 * Every program that the cluster, the lab and the engine run, with its version and the ways to get it.
 * To change a version: edit its row, the SHA-256 pins (from the publisher's signed sums) and modules/<program>/.
 */
import { HASHICORP_FINGERPRINT, HASHICORP_KEY } from "./keys";
import type { Architecture, Program, Release } from "./program";

function hashicorp(name: string, version: string, sha256: Record<Architecture, string>): Release {
  const folder = `releases.hashicorp.com/${name}/${version}`;
  return {
    archive: (architecture) => `${folder}/${name}_${version}_linux_${architecture}.zip`,
    format: "zip",
    member: name,
    sha256,
    signed: {
      sums: `${folder}/${name}_${version}_SHA256SUMS`,
      signature: `${folder}/${name}_${version}_SHA256SUMS.sig`,
      key: HASHICORP_KEY,
      fingerprint: HASHICORP_FINGERPRINT,
    },
  };
}

// Pulumi signs its releases with cosign's keyless way only, so the pin is what vouches for them.
function pulumi(member: string): Release {
  return {
    archive: (architecture) =>
      `get.pulumi.com/releases/sdk/pulumi-v3.250.0-linux-${architecture === "amd64" ? "x64" : "arm64"}.tar.gz`,
    format: "tar.gz",
    member: `pulumi/${member}`,
    sha256: {
      amd64: "8916fd36ccc96adbd45ca679194b685e3b767d94502ae05610878a6d9870b8f3",
      arm64: "deb4bf0d05b4cbaf3adcf82ffa44039ad0ebf039e33338ead8136877a437b4e5",
    },
  };
}

const PULUMI_VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version";
const CFSSL_VERSION_VARIABLE = "github.com/cloudflare/cfssl/cli/version.version";

export const MANIFEST: readonly Program[] = [
  {
    name: "cfssl",
    version: "1.6.5",
    purpose: "the cluster's certificate authority: client",
    question: { args: ["version"], pattern: /^Version: (\S+)/m },
    // No release: its sums are unsigned, so the module, checked by Go's checksum database, is the surer source.
    module: {
      module: "cfssl",
      origin: "github.com/cloudflare/cfssl@v1.6.5",
      package: "github.com/cloudflare/cfssl/cmd/cfssl",
      cgo: false,
      tags: [],
      variables: [`${CFSSL_VERSION_VARIABLE}=1.6.5`],
      buildSeconds: 30,
    },
  },
  {
    name: "multirootca",
    version: "1.6.5",
    purpose: "the cluster's certificate authority: server",
    module: {
      module: "cfssl",
      origin: "github.com/cloudflare/cfssl@v1.6.5",
      package: "github.com/cloudflare/cfssl/cmd/multirootca",
      cgo: false,
      tags: [],
      variables: [`${CFSSL_VERSION_VARIABLE}=1.6.5`],
      buildSeconds: 6,
    },
  },
  {
    name: "consul",
    version: "1.21.0",
    purpose: "catalogue, DNS and health of the cluster",
    question: { args: ["version"], pattern: /^Consul v(\S+)/m },
    release: hashicorp("consul", "1.21.0", {
      amd64: "e916e30904eedfa7ee2e2a378b5e8a9a374f2f351e645aa4c0a03adc15dabaec",
      arm64: "59d04f948d4b04a1d836e69a441e4c3ffb74b41f710329c9ba0dc99392b6f2d5",
    }),
    module: {
      module: "consul",
      origin: "github.com/hashicorp/consul@v1.21.0",
      package: "github.com/hashicorp/consul",
      cgo: false,
      tags: [],
      variables: [],
      buildSeconds: 230,
    },
  },
  {
    name: "fabio",
    version: "1.5.15",
    purpose: "the load balancer",
    question: { args: ["-v"], pattern: /^(\d\S*)/m },
    // No release: the published 1.5.15 is built with Go 1.15, whose TLS has had no fixes for years.
    module: {
      module: "fabio",
      origin: "github.com/fabiolb/fabio@v1.5.15",
      package: "github.com/fabiolb/fabio",
      cgo: false,
      tags: [],
      // The source says 1.5.14; the publisher's build sets it like this.
      variables: ["main.version=1.5.15"],
      buildSeconds: 20,
    },
  },
  {
    name: "traefik",
    version: "3.6.12",
    purpose: "the other load balancer",
    optional: true,
    question: { args: ["version"], pattern: /^Version:\s+(\S+)/m },
    // No release: its sums are unsigned.
    module: {
      module: "traefik",
      origin: "github.com/traefik/traefik/v3@v3.6.12",
      package: "github.com/traefik/traefik/v3/cmd/traefik",
      cgo: false,
      tags: [],
      variables: ["github.com/traefik/traefik/v3/pkg/version.Version=3.6.12"],
      buildSeconds: 300,
    },
  },
  {
    name: "oauth2-proxy",
    version: "7.15.3",
    purpose: "lets visitors in by their groups, where a stack asks for it",
    optional: true,
    question: { args: ["--version"], pattern: /^oauth2-proxy v?(\d\S*)/m },
    // No release: its sums are unsigned.
    module: {
      module: "oauth2-proxy",
      origin: "github.com/oauth2-proxy/oauth2-proxy/v7@v7.15.3",
      package: "github.com/oauth2-proxy/oauth2-proxy/v7",
      cgo: false,
      tags: [],
      variables: ["github.com/oauth2-proxy/oauth2-proxy/v7/pkg/version.VERSION=v7.15.3"],
      buildSeconds: 60,
    },
  },
  {
    name: "hashistack-acme",
    version: "1.0.0",
    purpose: "gets public certificates: lego as a library",
    optional: true,
    question: { args: ["version"], pattern: /^hashistack-acme (\S+)/m },
    module: {
      module: "hashistack-acme",
      origin: "github.com/go-acme/lego/v4@v4.33.0",
      package: ".",
      cgo: false,
      tags: [],
      variables: [],
      buildSeconds: 30,
    },
  },
  {
    name: "pebble",
    version: "2.10.1",
    purpose: "the ACME server of tests and rehearsals",
    optional: true,
    question: { args: ["-version"], pattern: /^Pebble version: (\S+)/m },
    module: {
      module: "pebble",
      origin: "github.com/letsencrypt/pebble/v2@v2.10.1",
      package: "github.com/letsencrypt/pebble/v2/cmd/pebble",
      cgo: false,
      tags: [],
      variables: ["main.version=2.10.1"],
      buildSeconds: 20,
    },
  },
  {
    name: "pulumi-language-nodejs",
    version: "3.250.0",
    purpose: "runs the Pulumi program for the engine",
    releasedWith: "pulumi",
    release: pulumi("pulumi-language-nodejs"),
    module: {
      module: "pulumi-language-nodejs",
      // The last version in which the host is part of the sdk module; later ones are in no registry.
      origin: "github.com/pulumi/pulumi/sdk/v3@v3.68.0",
      version: "3.68.0",
      package: "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs",
      cgo: false,
      tags: [],
      variables: [`${PULUMI_VERSION_VARIABLE}=v3.68.0`],
      buildSeconds: 20,
    },
  },
  {
    name: "pulumi",
    version: "3.250.0",
    purpose: "the engine",
    question: { args: ["version"], pattern: /^v(\S+)/m },
    release: pulumi("pulumi"),
    module: {
      module: "pulumi",
      origin: "github.com/pulumi/pulumi/pkg/v3@v3.250.0",
      package: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
      cgo: false,
      tags: [],
      // Without it the Automation API refuses the engine.
      variables: [`${PULUMI_VERSION_VARIABLE}=v3.250.0`],
      buildSeconds: 190,
    },
  },
  {
    name: "vault",
    version: "1.21.1",
    purpose: "secrets and certificates",
    question: { args: ["version"], pattern: /^Vault v(\S+)/m },
    release: hashicorp("vault", "1.21.1", {
      amd64: "4088617653eba4ea341b6166130239fcbe42edc7839c7f7c6209d280948769c7",
      arm64: "f83f541e4293289bf1cc3f1e62e41a29a9ce20aeb9a152ada2b00ca42e7e856d",
    }),
    module: {
      module: "vault",
      origin: "github.com/hashicorp/vault@v1.21.1",
      package: "github.com/hashicorp/vault",
      cgo: false,
      // Without the secret engines and login methods of the clouds and databases, which are plugins of their own.
      tags: ["minimal"],
      variables: [],
      buildSeconds: 230,
    },
  },
  {
    name: "nomad",
    version: "1.11.1",
    purpose: "schedules the jobs",
    question: { args: ["version"], pattern: /^Nomad v(\S+)/m },
    release: hashicorp("nomad", "1.11.1", {
      amd64: "8e8fbc9c3ddae39a63f7ed70a99bb4b936bb6e88ed9160ce0e9d36ff2909c1f3",
      arm64: "a120ba1be96d536ef7196911b57bfbe78fe08c53935dfd16eae0206eba09d729",
    }),
    module: {
      module: "nomad",
      origin: "github.com/hashicorp/nomad@v1.11.1",
      package: "github.com/hashicorp/nomad",
      // The exec driver's user namespaces are entered in C.
      cgo: true,
      // As the publisher builds it: with the web UI and generated codecs, which lie ready in the module.
      tags: ["codegen_generated", "hashicorpmetrics", "release", "ui"],
      variables: [],
      buildSeconds: 190,
    },
  },
  {
    name: "caddy",
    version: "2.11.9",
    purpose: "serves the website of the example job",
    question: { args: ["version"], pattern: /^v?(\d+\.\d+\.\d+)/m },
    // Not Debian's: that one is linked to libraries which a task's root does not have.
    module: {
      module: "caddy",
      origin: "github.com/caddyserver/caddy/v2@v2.11.9",
      package: "github.com/caddyserver/caddy/v2/cmd/caddy",
      cgo: false,
      tags: [],
      variables: ["github.com/caddyserver/caddy/v2.CustomVersion=v2.11.9"],
      buildSeconds: 110,
    },
  },
  {
    name: "packer",
    version: "1.15.0",
    purpose: "makes the machines' image at a cloud",
    optional: true,
    question: { args: ["version"], pattern: /^Packer v(\S+)/m },
    release: hashicorp("packer", "1.15.0", {
      amd64: "2fd1149c5c6c7604ced64d7b56638af05f6b7ed3f6835182bc913ddaba1f16b8",
      arm64: "1687f43bd120601f62e54b970b1cc06f83e95897357dc5c679b57ec9d2fb40a7",
    }),
    module: {
      module: "packer",
      origin: "github.com/hashicorp/packer@v1.15.0",
      package: "github.com/hashicorp/packer",
      cgo: false,
      tags: [],
      variables: [],
      buildSeconds: 100,
    },
  },
  {
    name: "packer-plugin-openstack",
    version: "1.1.2",
    purpose: "Packer's way to OpenStack",
    optional: true,
    question: { args: ["describe"], pattern: /"version":"([^"]+)"/ },
    // No release: no sums of it were to be had.
    module: {
      module: "packer-plugin-openstack",
      origin: "github.com/hashicorp/packer-plugin-openstack@v1.1.2",
      package: "github.com/hashicorp/packer-plugin-openstack",
      cgo: false,
      tags: [],
      variables: [],
      buildSeconds: 70,
    },
  },
  {
    name: "bombardier",
    version: "1.2.6",
    purpose: "asks for pages as fast as it can: the bench's load",
    optional: true,
    // No release: its sums are unsigned. No question: it tells its version beside its help, not on its output.
    module: {
      module: "bombardier",
      origin: "github.com/codesenberg/bombardier@v1.2.6",
      package: "github.com/codesenberg/bombardier",
      cgo: false,
      tags: [],
      variables: ["main.version=v1.2.6"],
      buildSeconds: 15,
    },
  },
];

/** Every program's name, in the manifest's order. */
export const PROGRAM_NAMES: readonly string[] = MANIFEST.map((program) => program.name);
