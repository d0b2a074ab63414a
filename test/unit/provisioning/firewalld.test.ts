import { expect, test } from "vitest";
import { renderZoneXml } from "../../../components/provisioning/firewalld";

test("a zone names its sources and ports in an order of its own, and drops the rest", () => {
  const xml = renderZoneXml({
    name: "hs10-servers",
    sources: ["fd00::1/128", "10.0.0.2/32"],
    ports: [
      { port: "8301", protocol: "udp" },
      { port: "8301", protocol: "tcp" },
      { port: "443", protocol: "tcp" },
    ],
    description: 'Servers & "others"',
  });
  expect(xml).toBe(`<?xml version="1.0" encoding="utf-8"?>
<zone target="DROP">
  <short>hs10-servers</short>
  <description>Servers &amp; &quot;others&quot;</description>
  <source address="10.0.0.2/32"/>
  <source address="fd00::1/128"/>
  <port port="443" protocol="tcp"/>
  <port port="8301" protocol="tcp"/>
  <port port="8301" protocol="udp"/>
  <protocol value="icmp"/>
  <protocol value="ipv6-icmp"/>
</zone>
`);
});
