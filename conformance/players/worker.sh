#!/bin/sh
# A Disco worker in plain shell: it can `echo` and `wordcount` raw:// inputs. Copy it, then make it yours.
LC_ALL=C; export LC_ALL                          # lengths count bytes
exec 3>&2 1>/dev/null 2>/dev/null                # only frames may reach standard error

ask() { # ask NAME PAYLOAD EXPECTED: one request, one reply; leaves the reply in $name and $payload
    printf '%s %d %s\n' "$1" "${#2}" "$2" >&3
    IFS=' ' read -r name length payload || exit 1
    [ "${#payload}" = "$length" ] || { complain ERROR "bad frame"; exit 1; }
    [ "$name" = "$3" ] || { complain FATAL "$name does not answer $1"; exit 1; }
}
complain() { printf '%s %d "%s"\n' "$1" $((${#2} + 2)) "$2" >&3; }
decode() { # percent-decoding: to octal escapes, which printf %b knows
    printf '%b' "$(printf '%s' "$1" | awk '{ gsub(/\\/, "\\134"); n = split($0, p, "%"); printf "%s", p[1]
        for (i = 2; i <= n; i++) { h = index("0123456789ABCDEF", toupper(substr(p[i], 1, 1))) - 1
            l = index("0123456789ABCDEF", toupper(substr(p[i], 2, 1))) - 1
            printf "\\0%03o%s", h * 16 + l, substr(p[i], 3) } }')"
}

ask WORKER "{\"version\": \"1.0\", \"pid\": $$}" OK
ask TASK '""' TASK
job=$(printf '%s' "$payload" | sed -n 's/.*"jobname" *: *"\([a-z-]*\)[@"].*/\1/p')
mode=$(printf '%s' "$payload" | sed -n 's/.*"mode" *: *"\([a-z]*\)".*/\1/p')
out=out-$$; mkdir "$out"
ask INPUT '""' INPUT
printf '%s' "$payload" | grep -o 'raw://[^"]*' | while read -r url; do decode "${url#raw://}"; done >"$out/data"
case $job in
    echo) mv "$out/data" "$out/echo"; ask OUTPUT "[\"$out/echo\", \"disco\"]" OK ;;
    wordcount) { if [ "$mode" = map ]; then tr -s ' \t' '\n' | sed '/./s/$/ 1/'; else cat; fi; } <"$out/data" |
            awk 'NF { n[$1] += $2 } END { for (w in n) print w, n[w] }' | sort >"$out/counts"
        ask OUTPUT "[\"$out/counts\", \"part\", 0]" OK ;;
    *) complain FATAL "this worker cannot $job"; read -r name; exit 1 ;;
esac
ask DONE '""' OK
