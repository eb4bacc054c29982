#!/usr/bin/env bash
# What a person with curl sees: discovery, PROPFIND, the life of one object, and the refusals with their status and
# their precondition element. Each line is one expectation.
set -uo pipefail

demo=${ANTEROOM_DEMO:?start me with conformance/serve.sh $0}
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
passed=0
failed=0

of() { python3 -c 'import json, sys
value = json.load(open(sys.argv[1]))
for step in sys.argv[2:]:
    value = value[int(step)] if step.isdigit() else value[step]
print(value)' "$demo" "$@"; }

base=$(of base_url)
base=${base%/}
user=$(of user)
password=$(of password)
room=$(of rooms 0 caldav_url)
case $room in http*) ;; *) room=$base$room ;; esac
room=${room%/}
home=${room%/*}
feed=$(of feeds 0 url)
run=$RANDOM$RANDOM

ask() { curl --silent --show-error --max-time 20 --output "$work/body" --dump-header "$work/head" --write-out '%{http_code}' "$@"; }
dav() { ask --user "$user:$password" "$@"; }

verdict() { # name problem
    if [ -z "$2" ]; then
        passed=$((passed + 1))
        echo "ok $1"
    else
        failed=$((failed + 1))
        echo "FAILED $1: $2"
        sed -n '1,12s/^/    /p' "$work/head"
        head -c 600 "$work/body" 2>/dev/null | sed 's/^/    /'
        echo
    fi
}

# expect NAME STATUS[,STATUS] [+HEADER-REGEX | =BODY-REGEX | !BODY-REGEX]... -- dav|ask ARG...
expect() {
    local name=$1 wanted=$2 checks=() problem='' status check
    shift 2
    while [ "$1" != -- ]; do
        checks+=("$1")
        shift
    done
    shift
    : >"$work/body"
    : >"$work/head"
    status=$("$@")
    case ",$wanted," in *",$status,"*) ;; *) problem="status $status instead of $wanted" ;; esac
    for check in "${checks[@]}"; do
        case $check in
        +*) grep -qiE "^${check#+}" "$work/head" || problem="$problem; no header ${check#+}" ;;
        =*) tr -d '\r\n' <"$work/body" | grep -qE "${check#=}" || problem="$problem; the body has no ${check#=}" ;;
        !*) if tr -d '\r\n' <"$work/body" | grep -qE "${check#!}"; then problem="$problem; the body has ${check#!}"; fi ;;
        esac
    done
    verdict "$name" "${problem#; }"
}

header() { sed -nE "s/^$1: *(.*)\r$/\1/Ip" "$work/head" | tail -n 1; }

# An event of half an hour, on a day far from what the demo books.
event() { # uid day hhmm [line...]
    local uid=$1 day=$2 at=$3
    shift 3
    printf 'BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//curl//EN\r\nBEGIN:VEVENT\r\nUID:%s\r\nDTSTAMP:20260101T000000Z\r\n' "$uid"
    printf 'DTSTART:%sT%s00Z\r\nDURATION:PT30M\r\nSUMMARY:curl %s\r\n' "$day" "$at" "$uid"
    [ $# = 0 ] || printf '%s\r\n' "$@"
    printf 'END:VEVENT\r\nEND:VCALENDAR\r\n'
}

day=$(date -u -d '+50 days' +%Y%m%d 2>/dev/null || date -u -v+50d +%Y%m%d)
xml=(--header 'Content-Type: application/xml; charset=utf-8')
calendar=(--header 'Content-Type: text/calendar; charset=utf-8')

# Discovery
for method in GET PROPFIND OPTIONS; do
    expect "well-known answers $method with the context path, without credentials" 301 '+Location: .*/dav/' -- \
        ask --request "$method" "$base/.well-known/caldav"
done
expect "a request without credentials is challenged" 401 '+WWW-Authenticate: Basic realm=' -- \
    ask --request PROPFIND --header 'Depth: 0' "$base/dav/"
expect "a wrong password is refused" 401 -- ask --user "$user:wrong" --request PROPFIND --header 'Depth: 0' "$base/dav/"
for place in / /principals/ /dav/; do
    expect "$place names the current principal" 207 '=current-user-principal>.*<[^>]*href>/dav/' -- \
        dav --request PROPFIND --header 'Depth: 0' "${xml[@]}" \
        --data '<propfind xmlns="DAV:"><prop><current-user-principal/></prop></propfind>' "$base$place"
done
expect "OPTIONS tells what works and nothing else" 200 '+DAV:.*calendar-access' '+Allow:.*REPORT' -- dav --request OPTIONS "$room/"
verdict "no LOCK is promised" "$(grep -iqE '^(Allow:.*LOCK|DAV: *1, *2)' "$work/head" && echo 'LOCK or class 2 in the answer')"
expect "the home lists the rooms" 207 "=calendar" "=${room#"$base"}/" -- dav --request PROPFIND --header 'Depth: 1' "${xml[@]}" \
    --data '<propfind xmlns="DAV:"><prop><resourcetype/><displayname/></prop></propfind>' "$home/"

# PROPFIND
expect "an unknown property is reported as not found" 207 '=404' -- dav --request PROPFIND --header 'Depth: 0' "${xml[@]}" \
    --data '<propfind xmlns="DAV:"><prop><x xmlns="urn:example:nothing"/></prop></propfind>' "$room/"
expect "Depth: infinity is refused by name" 403 '=propfind-finite-depth' -- dav --request PROPFIND --header 'Depth: infinity' "$home/"
expect "a senseless Depth is a bad request" 400 -- dav --request PROPFIND --header 'Depth: 7' "$room/"
expect "broken XML is a bad request" 400 -- dav --request PROPFIND --header 'Depth: 0' "${xml[@]}" --data '<propfind' "$room/"
expect "an external entity is not read" 400,403,422 '!root:' -- dav --request PROPFIND --header 'Depth: 0' "${xml[@]}" --data \
    '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><propfind xmlns="DAV:"><prop><displayname/>&x;</prop></propfind>' "$room/"
expect "the room tells its sync token, ctag and reports" 207 '=sync-token>[^<]' '=getctag' '=calendar-multiget' -- \
    dav --request PROPFIND --header 'Depth: 0' "${xml[@]}" --data \
    '<propfind xmlns="DAV:"><prop><sync-token/><getctag xmlns="http://calendarserver.org/ns/"/><supported-report-set/></prop></propfind>' "$room/"
expect "a protected property cannot be set, and nothing else is" 207 '=cannot-modify-protected-property' '=424' -- \
    dav --request PROPPATCH "${xml[@]}" --data \
    '<propertyupdate xmlns="DAV:"><set><prop><resourcetype/><x xmlns="urn:example:dead">1</x></prop></set></propertyupdate>' "$room/"

# The life of one object
one=$room/curl-$run.ics
event "curl-$run" "$day" 0100 'X-KEEP:me' >"$work/one.ics"
expect "a new object is created with its validator" 201 '+ETag: "' -- \
    dav --upload-file "$work/one.ics" "${calendar[@]}" --header 'If-None-Match: *' "$one"
etag=$(header ETag)
expect "it comes back as it was sent" 200 "+ETag: $etag" -- dav "$one"
verdict "octet for octet" "$(cmp "$work/one.ics" "$work/body" 2>&1)"
expect "HEAD is GET without the body" 200 "+ETag: $etag" -- dav --head "$one"
expect "unchanged is not sent again" 304 -- dav --header "If-None-Match: $etag" "$one"
expect "creating it twice is refused" 412 -- dav --upload-file "$work/one.ics" "${calendar[@]}" --header 'If-None-Match: *' "$one"
expect "a stale validator is refused" 412 -- \
    dav --upload-file "$work/one.ics" "${calendar[@]}" --header 'If-Match: "00000000000000000000000000000000"' "$one"
event "curl-$run" "$day" 0130 >"$work/two.ics"
expect "the right validator changes it" 204 '+ETag: "' -- dav --upload-file "$work/two.ics" "${calendar[@]}" --header "If-Match: $etag" "$one"
expect "the same UID under another name is refused by name" 403,409 '=no-uid-conflict' -- \
    dav --upload-file "$work/two.ics" "${calendar[@]}" "$room/other-$run.ics"

# Between rooms
other=$(of rooms 1 caldav_url)
case $other in http*) ;; *) other=$base$other ;; esac
other=${other%/}
expect "a copy needs a place to go to" 400 -- dav --request COPY "$one"
expect "another server is not reached from here" 502 -- dav --request MOVE --header 'Destination: http://elsewhere.example.com/a.ics' "$one"
expect "a booking is copied to another room" 201 -- dav --request COPY --header "Destination: $other/copy-$run.ics" "$one"
expect "a copy does not replace what it may not" 412 -- \
    dav --request COPY --header "Destination: $other/copy-$run.ics" --header 'Overwrite: F' "$one"
expect "the copy is removed again" 204 -- dav --request DELETE "$other/copy-$run.ics"
expect "a booking moves to another room" 201 -- dav --request MOVE --header "Destination: ${other#"$base"}/moved-$run.ics" "$one"
expect "and is no longer in the first" 404 -- dav "$one"
expect "and comes back" 201 -- dav --request MOVE --header "Destination: $one" "$other/moved-$run.ics"
expect "as it was" 200 "=curl-$run" -- dav "$one"

# Refusals
event "taken-$run" "$day" 0145 >"$work/taken.ics"
expect "a taken slot is a conflict with a sentence" 409 '=<' -- dav --upload-file "$work/taken.ics" "${calendar[@]}" "$room/taken-$run.ics"
expect "and left no trace" 404 -- dav "$room/taken-$run.ics"
refuse() { # name status element file
    expect "$1" "$2" "=$3" -- dav --upload-file "$work/$4" "${calendar[@]}" "$room/bad-$run.ics"
}
printf 'not a calendar' >"$work/text.ics"
refuse "text is no calendar" 403 'valid-calendar-data' text.ics
event "m-$run" "$day" 0200 | sed 's/^VERSION:2.0/METHOD:REQUEST\r\nVERSION:2.0/' >"$work/method.ics"
refuse "METHOD is refused" 403 'valid-calendar-object-resource' method.ics
event "t-$run" "$day" 0200 | sed 's/VEVENT/VTODO/; s/^DURATION.*\r$/X-A:1\r/' >"$work/todo.ics"
refuse "a VTODO is refused" 403 'supported-calendar-component' todo.ics
event "s-$run" "$day" 0200 'RRULE:FREQ=SECONDLY' >"$work/secondly.ics"
refuse "a rule by the second is refused" 403 'unsupported-recurrence>FREQ=SECONDLY' secondly.ics
{ event "b-$run" "$day" 0200 | head -n 8; head -c 12000000 /dev/zero | tr '\0' x | fold -w 70 | sed 's/^/ /; s/$/\r/'; } >"$work/big.ics"
expect "an object beyond the limit is refused by name" 403,413 -- \
    dav --upload-file "$work/big.ics" "${calendar[@]}" --header 'Expect:' "$room/bad-$run.ics"
expect "nothing of them was stored" 404 -- dav "$room/bad-$run.ics"
expect "no collection can be made" 403,405 -- dav --request MKCALENDAR "$home/new-$run/"
expect "a room cannot be deleted" 403 -- dav --request DELETE "$room/"
expect "LOCK is not there" 405,501 -- dav --request LOCK "$one"
expect "another tenant's room is not there" 401,403,404 -- dav --request PROPFIND --header 'Depth: 0' "$base/dav/nobody/rooms/none/"
expect "a path out of the room is not there" 400,403,404 -- dav --path-as-is "$room/..%2f..%2fetc%2fpasswd"

# Reports
report() { dav --request REPORT --header 'Depth: 1' "${xml[@]}" --data "$1" "$room/"; }
expect "calendar-query finds it by time" 207 "=curl-$run" -- report \
    "<c:calendar-query xmlns=\"DAV:\" xmlns:c=\"urn:ietf:params:xml:ns:caldav\"><prop><getetag/><c:calendar-data/></prop><c:filter><c:comp-filter name=\"VCALENDAR\"><c:comp-filter name=\"VEVENT\"><c:time-range start=\"${day}T013000Z\" end=\"${day}T014000Z\"/></c:comp-filter></c:comp-filter></c:filter></c:calendar-query>"
expect "and not a minute too early" 207 "!curl-$run" -- report \
    "<c:calendar-query xmlns=\"DAV:\" xmlns:c=\"urn:ietf:params:xml:ns:caldav\"><prop><getetag/></prop><c:filter><c:comp-filter name=\"VCALENDAR\"><c:comp-filter name=\"VEVENT\"><c:time-range start=\"${day}T010000Z\" end=\"${day}T013000Z\"/></c:comp-filter></c:comp-filter></c:filter></c:calendar-query>"
expect "calendar-multiget tells found and missing ones" 207 "=curl-$run" '=404' -- report \
    "<c:calendar-multiget xmlns=\"DAV:\" xmlns:c=\"urn:ietf:params:xml:ns:caldav\"><prop><getetag/></prop><href>${one#"$base"}</href><href>${room#"$base"}/none.ics</href></c:calendar-multiget>"
expect "a collation nobody knows is refused by name" 403 '=supported-collation' -- report \
    '<c:calendar-query xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><prop><getetag/></prop><c:filter><c:comp-filter name="VCALENDAR"><c:comp-filter name="VEVENT"><c:prop-filter name="SUMMARY"><c:text-match collation="i;nothing">x</c:text-match></c:prop-filter></c:comp-filter></c:comp-filter></c:filter></c:calendar-query>'
expect "free-busy-query answers a calendar" 200 '+Content-Type: text/calendar' '=VFREEBUSY' "=FREEBUSY[^:]*:${day}T013000Z" -- report \
    "<c:free-busy-query xmlns:c=\"urn:ietf:params:xml:ns:caldav\"><c:time-range start=\"${day}T000000Z\" end=\"${day}T030000Z\"/></c:free-busy-query>"
sync() { report "<sync-collection xmlns=\"DAV:\"><sync-token>$1</sync-token><sync-level>1</sync-level><prop><getetag/></prop></sync-collection>"; }
expect "sync-collection tells everything at first" 207 "=curl-$run" '=sync-token>[^<]' -- sync ''
token=$(tr -d '\r\n' <"$work/body" | sed -nE 's/.*<[^>/]*sync-token>([^<]+)<.*/\1/p')
expect "and nothing when nothing changed" 207 "!curl-$run" -- sync "$token"
expect "a forged token is refused by name" 403 '=valid-sync-token' -- sync "${token}x"
expect "an unknown report is refused by name" 403 '=supported-report' -- report '<nothing xmlns="urn:example:none"/>'

# The end of the object
expect "a stale validator does not delete" 412 -- dav --request DELETE --header "If-Match: $etag" "$one"
expect "it is deleted" 204 -- dav --request DELETE "$one"
expect "only once" 404 -- dav --request DELETE "$one"
expect "the sync token tells that it went" 207 "=curl-$run.*404" -- sync "$token"

# Around
expect "the feed needs no credentials" 200 '+Content-Type: text/calendar' '=BEGIN:VCALENDAR' -- ask "$feed"
expect "the feed cannot be written" 405 -- ask --request PUT --data x "$feed"
expect "the gateway says that it lives" 200 -- ask "$base/health"
expect "and that it is ready" 200 -- ask "$base/ready"

echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
