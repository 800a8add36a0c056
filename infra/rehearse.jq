# The report on a rehearsal, from everything that was gathered: each claim with `confirmed`, `refuted` or `not seen`.
# `confirmed` means that this run showed it; what nothing in this run could show is `not seen`.

# Seconds since 1970. Version 1 of the CLI prints times as numbers, version 2 as text with an offset.
def epoch:
  if type == "number" or . == null then .
  else
    capture("^(?<day>[-0-9]+)T(?<time>[:0-9]+)(?<part>[.][0-9]+)?(?<zone>Z|[-+][0-9:]+)$")
    | ("\(.day)T\(.time)Z" | fromdateiso8601) + ("0\(.part // "")" | tonumber)
      - (.zone | if . == "Z" then 0
                 else ((.[1:3] | tonumber) * 3600 + (.[-2:] | tonumber) * 60) * (if .[0:1] == "-" then -1 else 1 end) end)
  end;
def clock: if . == null then "?" else floor | todate end;
def seconds: "\(. * 10 | round / 10) s";

def upgrade_events: ($histories[0][0].events? // []) | map(.at = (.timestamp | epoch));
def all_events: ($histories[0] // []) | map(.events[]?) | map(.at = (.timestamp | epoch)) | sort_by(.at);
def entered($name): upgrade_events | map(select(.stateEnteredEventDetails.name == $name).at);

# Each exit of a state: how long it took, and its output.
def stays($name):
  reduce upgrade_events[] as $e ({since: null, stays: []};
    if $e.stateEnteredEventDetails.name == $name then .since = $e.at
    elif $e.stateExitedEventDetails.name == $name then
      .stays += [{took: ($e.at - .since), output: ($e.stateExitedEventDetails.output // "null" | fromjson? // null)}]
    else . end)
  | .stays;

# Every failed call, and every failed execution, with its cause. The timeout of a wait is not a failure.
def failures:
  all_events | map(select(.taskTimedOutEventDetails.resource? != "invoke.waitForTaskToken") |
    (.taskFailedEventDetails // .taskTimedOutEventDetails // .executionFailedEventDetails // .executionAbortedEventDetails
      // .executionTimedOutEventDetails) as $d
    | select($d) | {at, error: ($d.error // "?"), cause: (($d.cause // "" | fromjson? | .errorMessage?) // $d.cause // "")});
def said($words): failures | map(select(.cause | test($words; "i")).cause[:400]) | unique;

def receipt: (stays("Switchover") | map(.output.receipt // empty) | last) // ($upgrade[0].output // "null" | fromjson? | .receipt?) // null;
def back: ($rollbacks[0] // []) | map(.output // "null" | fromjson? | .receipt? // empty) | first // null;
def rds_events: ($events[0].Events? // []) | map({at: (.Date | epoch), of: .SourceIdentifier, what: .Message});
def members: [$timeline[].deployments[].members[]];
def names: [$timeline[].instances[].id] | unique;

def item($id; $claim; $refuted; $confirmed; $evidence):
  {id: $id, verdict: (if $refuted then "refuted" elif $confirmed then "confirmed" else "not seen" end), claim: $claim,
   evidence: ($evidence // "this run could not show it")};

def rds_share:
  receipt as $r
  | ($timeline | map(select(any(.deployments[]; .status == "SWITCHOVER_IN_PROGRESS")).at)) as $shown
  | item("rds_share"; "RDS's own part of the switchover ends, and takes"; false; ($r.rds_ms? // 0) > 0;
      if $r then "\($r.rds_ms) ms of RDS's, \($r.ours_ms) ms of ours; phases \($r.phases | map("\(.[0]) \(.[1])") | join(", ")) ms; "
        + (if $shown == [] then "too quick for SWITCHOVER_IN_PROGRESS to be seen from outside"
           else "SWITCHOVER_IN_PROGRESS seen from \($shown[0] | clock) to \($shown[-1] | clock)" end) else null end);

def degraded:
  ([$timeline[] | .at as $at | .deployments[] | select(.details != "") | {at: $at, what: "StatusDetails: \(.details)"}]
   + [$timeline[] | .at as $at | .deployments[] | select(.status == "INVALID_CONFIGURATION") | {at: $at, what: "INVALID_CONFIGURATION"}]
   + (rds_events | map(select(.what | test("degraded|replication (is )?(broken|stopped)"; "i")) | {at, what: "event: \(.what)"}))
   + (said("behind") | map({at: null, what: "Viridian's own reading: \(.)"}))) as $signs
  | item("degraded"; "which sign tells degraded replication first"; false; ($signs | length) > 0;
      if $upgrade[0] == null then null elif $signs == [] then "replication was not degraded" else $signs | sort_by(.at) | map("\(.at | clock) \(.what)") | unique | join("; ") end);

def marker:
  receipt as $r | said("marker's table|viridian[.]marker|making the marker") as $no
  | item("marker"; "RDS accepts the marker's schema, and the marker arrives on green"; $no != []; ($r.databases? // {}) != {};
      if $no != [] then $no[0] elif $r then "markers found on green in \($r.databases | keys | join(", "))" else null end);

def roles:
  (stays("Prepare") | map(.output.parity[]? | select(test("fence"))) | last) as $rehearsed | receipt as $r
  | said("rehearsing the fence|(closing|opening) the application's roles|could not be opened again|could still log in") as $no
  | item("roles"; "a member of rds_superuser may ALTER ROLE on green throughout"; $no != []; ($rehearsed != null and $r != null);
      if $no != [] then $no[0] else $rehearsed // null end);

def analyze:
  (stays("Prepare") | map(.output.parity[]? | select(test("statistics|analyzed"))) | last) as $told
  | item("analyze"; "a member of rds_superuser may ANALYZE every table"; ($told // "" | test("are without statistics"));
      ($told // "" | test("analyzed")); $told);

def reads_all:
  receipt as $r | ($r.databases? // {} | to_entries | map(select(.value.digest == null).key)) as $without
  | said("permission denied for (table|schema|sequence)|row-level security") as $no
  | item("reads_all"; "a member of rds_superuser may read every table"; $no != []; ($r != null and $without == []);
      if $no != [] then $no[0] elif $r == null then null elif $without == [] then "rows compared on both sides: \(
        $r.databases | to_entries | map("\(.key) \(.value.rows)") | join(", "))" else "not compared: \($without | join(", "))" end);

def policies:
  said("AccessDenied|not authorized|UnauthorizedOperation") as $said
  | item("policies"; "the least-privilege policies suffice"; $said != [] or ($denied[0] // []) != [];
      $upgrade[0] != null and $denied[0] == [] and ($upgrade[0].status != "RUNNING");
      if $said != [] then $said[0] elif ($denied[0] // []) != [] then $denied[0] | map("\(.group): \(.lines[0])") | join("; ")
      elif $upgrade[0] == null then null elif $denied[0] == null then "the functions' logs could not be read" else "no refusal in any function's log" end);

def green_names:
  (members | map(.target) | unique | map(select(. != ""))) as $green
  | (names | map(select(test("-old[0-9]+$")))) as $old
  | ($green | map(select(test("-green-") or (. as $name | names | index($name)) != null | not))) as $odd
  | item("names"; "green is called …-green-… and old blue …-old1, by which policies are scoped"; $odd != [];
      ($green | any(test("-green-"))) and $old != []; if $green == [] then null else "\($green + $old | join(", "))" end);

def weights:
  stays("ShiftWeight") as $shifts | said("weighted records|PriorRequestNotComplete") as $no
  | item("weights"; "weighted records move, propagate and are not throttled"; $no != []; $shifts != [];
      if $no != [] then $no[0] elif $upgrade[0] == null then null elif $shifts == [] then "no record routes reads, or the upgrade did not come so far"
      else $shifts | map("\(.output.percent) % in \(.took | seconds)") | join(", ") end);

def link:
  $link[0].reverse? as $l | said("subscription|publishing green's|slot of the way back") as $no
  | item("link"; "we may publish, make slots, and subscribe old blue, which reaches green through the security groups";
      ($l.unavailable? != null) or $no != []; ($l.subscribed? == true and $l.unavailable? == null);
      if $l.unavailable? then $l.unavailable.why elif $no != [] then $no[0] elif $l.subscribed? then "old blue follows green" else null end);

def read_only:
  back as $b | said("read-only") as $no
  | item("read_only"; "RDS lifts old blue's read-only when the deployment's record is deleted"; $b == null and $no != []; $b != null;
      if $b then "old blue took writes; the pause was \($b.rds_ms + $b.ours_ms) ms" elif $no != [] then $no[0] else null end);

def renames:
  ($link[0].record_of_writes? != null) as $by_record
  | [$timeline[] | {at, holder: (.instances[] | select(.id == $database).resource_id)}] as $holders
  | ($holders | map(.holder) | unique | length) as $many
  | item("renames"; "how long the renames of a way back without a record of the writes take"; false; back != null and ($by_record | not) and $many > 1;
      if $by_record then "a record leads the writes" elif back == null then null
      else "who was called \($database): " + ($holders | map("\(.at | clock) \(.holder)") | join(", ")) end);

def heard:
  $alarm[0] as $a | (entered("RollBack") | first) as $at
  | item("heard"; "an alarm's event ends the wait"; $a != null and $upgrade[0].status == "SUCCEEDED"; $a != null and $at != null;
      if $upgrade[0] == null then null elif $a == null then "no alarm was rung" elif $at == null then "\($a.name) was rung at \($a.at | clock), and nothing went back"
      else "\($a.name) was rung at \($a.at | clock), the way back began at \($at | clock)" end);

def outcome:
  $upgrade[0] as $u
  | (if $u == null then "no upgrade was started" else "\($u.status) \($u.error // ""): \($u.cause // ($u.output // "{}" | fromjson? | .summary? // ""))" end) as $told
  | ($u.status == "SUCCEEDED" and $way_back == "") as $done
  | (back != null and $way_back != "" and $u.error == "Upgrade.RolledBack") as $returned
  | item("outcome"; "the upgrade ends as it was to end"; $u != null and ($u.status != "RUNNING") and (($done or $returned) | not);
      $done or $returned; $told);

[outcome, rds_share, degraded, marker, roles, analyze, reads_all, policies, green_names, weights, link, read_only, renames, heard] as $items
| {
    stack: $stack, database: $database, target_version: $target, way_back: ($way_back != ""),
    began: ($began | clock), ended: ($ended | clock),
    good: ($plan[0].status == "SUCCEEDED" and ($upgrade[0] == null or $items[0].verdict == "confirmed")
      and all($items[]; .verdict != "refuted")),
    plan: ($plan[0] // {} | {status, cause, text: .output.plan?}),
    items: $items,
    retries: (failures | group_by(.error) | map({error: .[0].error, times: length, first: (.[0].at | clock), said: .[0].cause[:400]})),
    states: (upgrade_events | map(select(.stateEnteredEventDetails) | {at: (.at | clock), state: .stateEnteredEventDetails.name})),
    timeline: ($timeline | map(.at |= clock)),
    rds_events: (rds_events | map(select(.of | startswith($database) or startswith("bgd-")) | .at |= clock)),
    receipt: receipt, receipt_of_the_way_back: back,
    unanswered: ($unanswered | split("\n") | map(select(. != "")) | unique | .[:20])
  }
| .text = ([
    "Rehearsal of \(.database) to \(.target_version), stack \(.stack), \(.began) to \(.ended)", "",
    (.items[] | "\(.verdict + "         " | .[:9])  \(.claim)\n           \(.evidence)"), "",
    "failures that were retried or ended it: " + (.retries | map("\(.error) \(.times) times") | join(", ") | if . == "" then "none" else . end),
    "deployment: " + ([.timeline[] | .at as $at | .deployments[] | "\($at) \(.status)"] | reduce .[] as $line ([];
      if (last // "" | split(" ")[1]) == ($line | split(" ")[1]) then . else . + [$line] end) | join(", ") | if . == "" then "none was seen" else . end),
    (.unanswered[] | "not answered: \(.)")
  ] | join("\n"))
