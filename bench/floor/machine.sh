#!/bin/sh
# Configures one machine of the floor and starts all its daemons at once: no TLS, no ACLs, no firewall.
# usage: machine.sh server|client|idle NAME ADDRESS SERVER...   (addresses are IPv4)
set -eu
role=$1 name=$2 address=$3
shift 3
[ "$role" != idle ] || exit 0

# Arguments as the elements of an HCL or JSON list, each with a suffix.
quoted() {
  suffix=$1 list=
  shift
  for one in "$@"; do list="$list${list:+, }\"$one$suffix\""; done
  printf '%s' "$list"
}

start() {
  unit=$1
  shift
  systemd-run --quiet --no-block --unit="$unit" --property=Delegate=yes --property=KillMode=process "$@"
}

consul() {
  mkdir -p /var/lib/consul
  server=
  [ "$role" != server ] || server="
server           = true
bootstrap_expect = $#
performance { raft_multiplier = 1 }"
  cat >/etc/floor-consul.hcl <<END
node_name      = "$name"
data_dir       = "/var/lib/consul"
bind_addr      = "$address"
client_addr    = "0.0.0.0"
retry_join     = [$(quoted '' "$@")]
retry_interval = "1s"
disable_update_check = true$server
END
  start floor-consul /usr/local/bin/consul agent -config-file=/etc/floor-consul.hcl
}

vault() {
  mkdir -p /var/lib/vault
  {
    cat <<END
disable_mlock = true
api_addr      = "http://$address:8200"
cluster_addr  = "http://$address:8201"
listener "tcp" {
  address     = "0.0.0.0:8200"
  tls_disable = true
}
storage "raft" {
  path                   = "/var/lib/vault"
  node_id                = "$name"
  performance_multiplier = 1
END
    for one in "$@"; do printf '  retry_join {\n    leader_api_addr = "http://%s:8200"\n  }\n' "$one"; done
    echo '}'
  } >/etc/floor-vault.hcl
  start floor-vault /usr/local/bin/vault server -config=/etc/floor-vault.hcl
}

# Where the libraries of a program lie, and where a task's root shall have them: as files, not as links into the void.
libraries() {
  ldd "$1" | grep -o '/[^ ]*' | sort -u | while read -r library; do
    printf '    "%s" = "%s"\n' "$(readlink -f "$library")" "$library"
  done
}

nomad() {
  mkdir -p /var/lib/nomad
  cat >/etc/floor-nomad.hcl <<END
name      = "$name"
data_dir  = "/var/lib/nomad"
bind_addr = "0.0.0.0"
advertise {
  http = "$address"
  rpc  = "$address"
  serf = "$address"
}
disable_update_check = true
END
  if [ "$role" = server ]; then
    cat >>/etc/floor-nomad.hcl <<END
server {
  enabled          = true
  bootstrap_expect = $#
  raft_multiplier  = 1
  server_join {
    retry_join     = [$(quoted '' "$@")]
    retry_interval = "1s"
  }
}
END
  else
    # A machine that shares its kernel sees the whole host. A task's root gets the web server and its libraries alone.
    program=$(readlink -f /usr/local/bin/caddy)
    cat >>/etc/floor-nomad.hcl <<END
client {
  enabled           = true
  servers           = [$(quoted :4647 "$@")]
  memory_total_mb   = 1024
  cpu_total_compute = 2000
  cni_path          = "/usr/lib/cni"
  chroot_env {
    "$program" = "/bin/caddy"
    "/etc/passwd" = "/etc/passwd"
$(libraries "$program")
  }
}
END
  fi
  start floor-nomad /usr/local/bin/nomad agent -config=/etc/floor-nomad.hcl
}

consul "$@"
nomad "$@"
[ "$role" != server ] || vault "$@"
