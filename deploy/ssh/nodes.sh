#!/bin/sh
# Starts and stops nodes over ssh: nodes.sh start|stop|status HOST...
#
#   DISCO          the disco command there           (disco)
#   DISCO_MASTER   the master, HOST or HOST:PORT     (this machine's name)
#   DISCO_SECRET   the master's secret file here     (~/.local/share/disco/secret)
#   SSH            how to reach a host               (ssh -o BatchMode=yes)
#
# A host is what the others call that machine, and becomes the name of its node. TLS and other settings are
# read from ~/.disco or /etc/disco/settings.py there.
set -eu
disco=${DISCO:-disco}
master=${DISCO_MASTER:-$(hostname)}
secret=${DISCO_SECRET:-$HOME/.local/share/disco/secret}
ssh=${SSH:-ssh -o BatchMode=yes}
place='.disco-node'

start() {
    $ssh "$1" "umask 077 && mkdir -p $place && cat > $place/secret" < "$secret"
    $ssh "$1" "cd $place && if [ -f pid ] && kill -0 \$(cat pid) 2>/dev/null; then echo '$1: runs already'; else
        DISCO_SECRET_FILE=\$PWD/secret nohup $disco node --master '$master' --name '$1' >> log 2>&1 < /dev/null &
        echo \$! > pid; echo '$1: started'; fi"
}

stop() {
    $ssh "$1" "cd $place 2>/dev/null && [ -f pid ] && kill \$(cat pid) 2>/dev/null && rm pid && echo '$1: stopped' ||
        echo '$1: does not run'"
}

status() {
    $ssh "$1" "cd $place 2>/dev/null && [ -f pid ] && kill -0 \$(cat pid) 2>/dev/null && echo '$1: runs' ||
        { echo '$1: does not run'; tail -n 3 $place/log 2>/dev/null || true; }"
}

[ $# -ge 2 ] || { sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 2; }
what=$1; shift
case $what in start | stop | status) ;; *) echo "nodes.sh: $what is none of start, stop, status" >&2; exit 2 ;; esac
for host in "$@"; do
    $what "$host"
done
