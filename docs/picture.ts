import type { MachineSpec, Topology } from "../components/topology/model";
import {
  type Neighbour,
  neighboursOf,
  type OpenPort,
  portText,
  reachable,
} from "../components/topology/ports";

/**
 * docs/cluster.svg: who is there and who may reach whom, from the topology and the table of ports. Its colours follow
 * the reader's scheme, light or dark, on a ground of its own.
 */

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const WIDTH = 1000;
const HEIGHT = 660;
const LINE = 17;

const style = `
  .ground { fill: #ffffff; }
  .box { fill: #f4f6fa; stroke: #4a6fa5; stroke-width: 1.5; }
  .frame { fill: none; stroke: #8a94a6; stroke-dasharray: 5 4; }
  .arrow { stroke: #55606f; stroke-width: 1.5; fill: none; }
  .head { fill: #55606f; }
  text { font: 13px system-ui, sans-serif; fill: #1f2430; }
  .title { font-weight: 600; font-size: 15px; }
  .port { font: 12px ui-monospace, monospace; }
  .quiet { fill: #55606f; }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #16181d; }
    .box { fill: #222836; stroke: #7ea3d8; }
    .frame { stroke: #6b7588; }
    .arrow { stroke: #a8b3c4; }
    .head { fill: #a8b3c4; }
    text { fill: #e3e6ec; }
    .quiet { fill: #a8b3c4; }
  }`;

/** The picture of a cluster whose three kinds of servers share their machines. Ends with a newline. */
export function clusterPicture(topology: Topology): string {
  const having = (test: (spec: MachineSpec) => boolean) => topology.machines.filter(test);
  const edge = having(({ nodeClass }) => nodeClass === "load-balancer");
  const clients = having(
    ({ roles, nodeClass }) => roles.includes("nomad-client") && nodeClass !== "load-balancer",
  );
  const servers = having(({ roles }) => roles.some((role) => role.endsWith("-server")));
  const support = having(({ roles }) => roles.includes("support"));

  const visitors = { x: 70, y: 24, width: 260, height: 50 };
  const admins = { x: 670, y: 24, width: 260, height: 50 };
  const frame = { x: 30, y: 150, width: 340, height: 480 };
  const edgeBox = { x: 50, y: 190, width: 300, height: 140 };
  const clientBox = { x: 50, y: 465, width: 300, height: 140 };
  const supportBox = { x: 630, y: 170, width: 340, height: 160 };
  const serverBox = { x: 630, y: 440, width: 340, height: 190 };

  const from = (specs: readonly MachineSpec[]): Neighbour[] =>
    specs.flatMap(({ roles }) => neighboursOf(roles)).filter((neighbour) => neighbour !== "world");
  const open = (to: readonly MachineSpec[], by: readonly Neighbour[]) =>
    unique(to.flatMap((spec) => reachable(spec, by)));
  const working = [...edge, ...clients];
  const among = (group: readonly MachineSpec[]) => open(group, from(group));
  const tasks = open(clients, from(edge)).filter((line) => line.service === "tasks");

  const parts = [
    rectangle("ground", { x: 0, y: 0, width: WIDTH, height: HEIGHT }, 0),
    box(visitors, ["Visitors"]),
    box(admins, ["Administrators", "only from adminCidrs"]),
    rectangle("frame", frame, 10),
    text(frame.x + 14, frame.y + 24, "Nomad's clients", "quiet"),
    box(edgeBox, ["Load balancers", names(edge), "", "Fabio, the ingress", "Consul agent · Nomad client"]),
    box(clientBox, [
      "Clients",
      names(clients),
      "",
      "the website and other jobs",
      "Consul agent · Nomad client",
    ]),
    box(supportBox, [
      "Support",
      names(support),
      "",
      "way in by SSH · pass-through to the APIs",
      "signer of certificates (cfssl behind a gate)",
      "store of programs and content (HTTPS)",
      "unsealer (a Vault with one transit key)",
    ]),
    box(serverBox, [
      "Servers",
      names(servers),
      "",
      "Consul · Vault on Raft · Nomad",
      "among themselves:",
      ...wrapped(among(servers).map(portWords), 46),
    ]),
    ...down(200, visitors.y + visitors.height, edgeBox.y, open(edge, ["world"])),
    ...down(800, admins.y + admins.height, supportBox.y, open(support, ["admins"])),
    ...down(200, edgeBox.y + edgeBox.height, clientBox.y, tasks),
    ...down(650, supportBox.y + supportBox.height, serverBox.y, open(servers, from(support))),
    ...up(820, supportBox.y + supportBox.height, serverBox.y, open(support, from(servers))),
    ...across(215, "right", open(support, from(working))),
    ...across(300, "left", open(working, from(support))),
    ...across(545, "right", open(servers, from(working))),
    ...across(610, "left", open(working, from(servers))),
  ];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="title">`,
    `<title id="title">The machines of the stack ${escaped(topology.cluster)}, and the ports by which they reach each other</title>`,
    `<style>${style}`,
    "</style>",
    ...parts,
    "</svg>",
    "",
  ].join("\n");
}

function unique(lines: readonly OpenPort[]): OpenPort[] {
  return [...new Set(lines)];
}

const names = (specs: readonly MachineSpec[]): string => specs.map(({ name }) => name).join(", ");

/** Example: "8300 Consul RPC". */
const portWords = (line: OpenPort): string =>
  `${portText(line.port)} ${line.service.replace(/ (on|of|through) \w+$/, "")}`;

/** Words in lines of at most so many characters. */
function wrapped(words: readonly string[], limit: number): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last !== undefined && `${last} · ${word}`.length <= limit)
      lines[lines.length - 1] = `${last} · ${word}`;
    else lines.push(word);
  }
  return lines;
}

function escaped(words: string): string {
  return words.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

function text(x: number, y: number, words: string, kind: string, anchor = "start"): string {
  return `<text x="${x}" y="${y}" class="${kind}" text-anchor="${anchor}">${escaped(words)}</text>`;
}

function rectangle(kind: string, { x, y, width, height }: Box, radius: number): string {
  return `<rect class="${kind}" x="${x}" y="${y}" width="${width}" height="${height}" rx="${radius}"/>`;
}

/** A box with its title and lines below it. */
function box(at: Box, [title = "", ...lines]: readonly string[]): string {
  const below = lines.map((line, index) =>
    text(at.x + 16, at.y + 46 + index * LINE, line, index === 0 ? "quiet" : "line"),
  );
  const small = at.height <= 60;
  return [
    rectangle("box", at, 8),
    text(at.x + 16, at.y + (small && lines.length > 0 ? 22 : small ? 30 : 26), title, "title"),
    ...(small ? lines.map((line) => text(at.x + 16, at.y + 41, line, "quiet")) : below),
  ].join("\n");
}

function arrow(x1: number, y1: number, x2: number, y2: number): string {
  const size = 7;
  const [dx, dy] = [Math.sign(x2 - x1), Math.sign(y2 - y1)];
  const points = [
    [x2, y2],
    [x2 - dx * size - dy * size * 0.6, y2 - dy * size - dx * size * 0.6],
    [x2 - dx * size + dy * size * 0.6, y2 - dy * size + dx * size * 0.6],
  ];
  return [
    `<line class="arrow" x1="${x1}" y1="${y1}" x2="${x2 - dx * size}" y2="${y2 - dy * size}"/>`,
    `<polygon class="head" points="${points.map((point) => point.join(",")).join(" ")}"/>`,
  ].join("\n");
}

function labels(x: number, middle: number, lines: readonly OpenPort[]): string[] {
  const first = middle - ((lines.length - 1) * LINE) / 2 + 4;
  return lines.map((line, index) => text(x, first + index * LINE, portWords(line), "port"));
}

/** An arrow downwards with the ports beside it. */
function down(x: number, top: number, bottom: number, lines: readonly OpenPort[]): string[] {
  return [arrow(x, top, x, bottom), ...labels(x + 10, (top + bottom) / 2, lines)];
}

function up(x: number, top: number, bottom: number, lines: readonly OpenPort[]): string[] {
  return [arrow(x, bottom, x, top), ...labels(x + 10, (top + bottom) / 2, lines)];
}

/** An arrow between the clients' frame and the boxes on the right, with the ports above it. */
function across(y: number, towards: "left" | "right", lines: readonly OpenPort[]): string[] {
  const [left, right] = [370, 630];
  const above = y - 8 - (lines.length - 1) * LINE;
  return [
    towards === "right" ? arrow(left, y, right, y) : arrow(right, y, left, y),
    ...lines.map((line, index) =>
      text((left + right) / 2, above + index * LINE, portWords(line), "port", "middle"),
    ),
  ];
}
