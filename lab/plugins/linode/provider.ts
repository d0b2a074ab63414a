import type { Call, Property, ProviderKind, Values } from "../common/kinds";
import { containsUnknown } from "../common/values";
import { LinodeClient, type LinodeConfig } from "./client";
import { getDomain } from "./domain";
import { unimplemented, within } from "./fields";
import { resourceKinds } from "./resources";

/**
 * The provider's configuration, by linode/provider.go and framework_provider_config.go of terraform-provider-linode
 * 3.1.1, of which pulumi-linode 5.1.1 is made. The environment's variables are the same; no file is read.
 */
const noObjects = "this stand-in has no object storage";
const noKubernetes = "this stand-in has no Kubernetes";

const milliseconds: Property = {
  type: "integer",
  validate: (value) => (Number(value) >= 1 ? undefined : "must be at least 1"),
};

const config: Record<string, Property> = {
  url: { type: "string", validate: isHttpAddress },
  // The official provider does not mark it; a token is a secret all the same.
  token: { type: "string", secret: true },
  apiVersion: { type: "string" },
  uaPrefix: { type: "string" },
  skipInstanceReadyPoll: { type: "boolean" },
  skipInstanceDeletePoll: { type: "boolean" },
  eventPollMs: milliseconds,
  minRetryDelayMs: milliseconds,
  maxRetryDelayMs: milliseconds,
  // Nothing is kept between requests in any case, and nothing is rebooted.
  disableInternalCache: { type: "boolean" },
  skipImplicitReboots: { type: "boolean" },
  apiCaPath: { ...unimplemented("set NODE_EXTRA_CA_CERTS"), type: "string" },
  configPath: { ...unimplemented("set token, or LINODE_TOKEN"), type: "string" },
  configProfile: { ...unimplemented("set token, or LINODE_TOKEN"), type: "string" },
  lkeEventPollMs: unimplemented(noKubernetes),
  lkeNodeReadyPollMs: unimplemented(noKubernetes),
  objAccessKey: { ...unimplemented(noObjects), type: "string" },
  objSecretKey: { ...unimplemented(noObjects), type: "string", secret: true },
  objUseTempKeys: unimplemented(noObjects),
  objBucketForceDelete: unimplemented(noObjects),
};

/** Describes the plugin; `connect` makes the client out of a configuration. */
export function linodeProvider(
  connect = (settings: LinodeConfig) => new LinodeClient(settings),
  environment: NodeJS.ProcessEnv = process.env,
): ProviderKind {
  let client: LinodeClient | undefined;
  const current = (): LinodeClient => {
    if (client === undefined) {
      throw new Error("the linode provider's configuration is not known yet");
    }
    return client;
  };
  return {
    name: "linode",
    version: "5.1.1",
    config,
    resources: resourceKinds(current),
    functions: {
      "linode:index/getDomain:getDomain": (args, call) => getDomain(current(), args, call),
    },
    async configure(settings: Values, call: Call): Promise<void> {
      client?.close();
      client = containsUnknown(settings) ? undefined : connect(withDefaults(settings, environment));
      // The provider's own ping (providerConfigure in provider.go). Linode answers it without a token too.
      await client?.ask(within(call, 120), (api) => api.getLinodeTypes({ page: 1, page_size: 100 }));
    },
  };
}

/** HandleDefaults in framework_provider_config.go; the pauses are linodego's (client.go). */
function withDefaults(settings: Values, environment: NodeJS.ProcessEnv): LinodeConfig {
  const text = (value: unknown, variable: string): string | undefined =>
    (value as string | undefined) || environment[variable] || undefined;
  const poll = Number(environment.LINODE_EVENT_POLL_MS);
  return {
    token: text(settings.token, "LINODE_TOKEN"),
    url: text(settings.url, "LINODE_URL") ?? "https://api.linode.com",
    apiVersion: text(settings.apiVersion, "LINODE_API_VERSION") ?? "v4",
    uaPrefix: text(settings.uaPrefix, "LINODE_UA_PREFIX"),
    skipInstanceReadyPoll: settings.skipInstanceReadyPoll === true,
    skipInstanceDeletePoll: settings.skipInstanceDeletePoll === true,
    eventPollMs: Number(settings.eventPollMs ?? (poll >= 1 ? poll : 4000)),
    minRetryDelayMs: Number(settings.minRetryDelayMs ?? 3000),
    maxRetryDelayMs: Number(settings.maxRetryDelayMs ?? 30_000),
  };
}

function isHttpAddress(value: unknown): string | undefined {
  const text = String(value);
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
    ? undefined
    : "must be an http:// or https:// address";
}
