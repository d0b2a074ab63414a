#!/bin/sh
# A Consul as others make it, by its own commands: one server, TLS, gossip key, ACLs. Prints what a newcomer is told, as lines
# "key value"; files are told by their names. Argument: the address to listen on.
set -eu
address=$1
consul=/opt/hashistack/bin/consul-1.21.0
mkdir -p /etc/theirs /var/lib/theirs
cd /etc/theirs
$consul tls ca create >&2
$consul tls cert create -server -dc theirs >&2
$consul tls cert create -client -dc theirs >&2
gossip=$($consul keygen)
management=$(cat /proc/sys/kernel/random/uuid)
cat >server.json <<JSON
{
  "server": true,
  "bootstrap_expect": 1,
  "datacenter": "theirs",
  "node_name": "theirs",
  "data_dir": "/var/lib/theirs",
  "bind_addr": "$address",
  "encrypt": "$gossip",
  "ports": { "grpc": -1 },
  "tls": {
    "defaults": {
      "ca_file": "/etc/theirs/consul-agent-ca.pem",
      "cert_file": "/etc/theirs/theirs-server-consul-0.pem",
      "key_file": "/etc/theirs/theirs-server-consul-0-key.pem",
      "verify_incoming": true,
      "verify_outgoing": true
    },
    "internal_rpc": { "verify_server_hostname": true }
  },
  "acl": {
    "enabled": true,
    "default_policy": "deny",
    "tokens": { "initial_management": "$management", "agent": "$management" }
  }
}
JSON
chmod 600 server.json
systemd-run --quiet --unit=theirs $consul agent -config-file=/etc/theirs/server.json
printf '%s' "$management" >management
CONSUL_HTTP_TOKEN_FILE=/etc/theirs/management
export CONSUL_HTTP_TOKEN_FILE
tries=0
until token=$($consul acl token create -description newcomer -policy-name global-management -format=json 2>/dev/null); do
  tries=$((tries + 1))
  [ "$tries" -lt 60 ] || { journalctl --unit=theirs --no-pager --lines=20 >&2; exit 1; }
  sleep 1
done
echo "gossip $gossip"
echo "token $(echo "$token" | sed -n 's/.*"SecretID": "\(.*\)".*/\1/p')"
