//! The examples that `--help` ends with.

use super::super::outcome::EXIT_CODES;

/// The examples, and what the exit codes mean.
pub(super) fn with_exit_codes(examples: &str) -> String {
    format!("{examples}\n\n{EXIT_CODES}")
}

pub(super) const BROKER: &str = "\
Examples:
  broker                                        serve with the built-in defaults
  broker --config config.toml                   serve as the file says
  broker --listen ws://0.0.0.0:7400             serve one address only
  broker sub 'market.>'                         print all that is published under market
  broker pub market.btc '{\"price\": 42}'         publish one message
  journalctl -f | broker pub logs.host1 --lines publish every line
  broker request time.now                       ask, and print the answer
  broker sessions                               who is behind?
  broker topics                                 what is published where?
  broker bench                                  how fast is the broker that runs here?";

pub(super) const SUBSCRIBE: &str = "\
Examples:
  broker sub 'market.>'                            topic and payload on a line
  broker sub market.btc --format raw               payloads alone
  broker sub '>' --format json | jq .topic         JSON lines
  broker sub 'market.>' --when-behind latest       the newest of each topic, however slow the terminal
  broker sub 'lamp.*' --replay last                what is retained, then what comes
  broker sub 'lamp.*' --replay last --when-behind resync
  broker sub jobs.done --count 1 --wait 30s        wait for one message: exit code 0, or 4
  broker sub 'jobs.*' --group workers              share the messages with others of the group
  broker sub --name bob                            what others send to bob";

pub(super) const PUBLISH: &str = "\
Examples:
  broker pub market.btc 42                         one message
  broker pub market.btc '{\"price\": 42}' --content json
  broker pub lamp.kitchen on --retain              kept for who subscribes later
  broker pub lamp.kitchen '' --retain              no longer kept
  broker pub files.logo - < logo.png               all of standard input as one message
  journalctl -f | broker pub logs.host1 --lines    every line as a message";

pub(super) const REQUEST: &str = "\
Examples:
  broker request time.now                          prints the answer
  broker request sum.add '[1, 2]' --timeout 2s     exit code 4 after 2 s, 5 if nobody serves it";

pub(super) const REPLY: &str = "\
Examples:
  broker reply health --text ok                    the same answer to everybody
  broker reply time.now --exec date                what the command prints
  broker reply upper --exec 'tr a-z A-Z'           the request is the command's input
  broker reply echo --echo                         the request itself

The command runs in sh with the topic in $BROKER_TOPIC; at most 16 run at a time. If it fails, the asker
is told so.";

pub(super) const SEND: &str = "\
Examples:
  broker send bob 'lunch?'                         exit code 5 if no client has this name";

pub(super) const SESSIONS: &str = "\
Examples:
  broker sessions                                  the 20 whose oldest message waits longest
  broker sessions web. --limit 100                 of those whose names begin so
  broker sessions --sort queue --watch 1s          those for which most waits, again and again
  broker sessions --sort name --json | jq .name    JSON lines, one for each session

AGE, WAITING and BYTES are what waits in a lane and since when. RECEIVED was handed to the connection;
CONFLATED and DROPPED were told in gaps instead. Lanes that were never used aren't shown.";

pub(super) const TOPICS: &str = "\
Examples:
  broker topics                                    the 20 to which most was published
  broker topics market. --limit 100                of those that begin so
  broker topics --sort deliveries --watch 1s       those that cost most, again and again
  broker topics --sort idle --json | jq .topic     JSON lines, one for each topic

PUBLISHED and BYTES are what was published since the topic is known, in this EPOCH. DELIVERIES are messages
that went into lanes, each counted for every lane; SUBSCRIBERS are lanes that get the topic now. A topic
with nothing retained or waiting is forgotten when it was IDLE for topics.forget_after.";

pub(super) const CHECK: &str = "\
Examples:
  broker check --config config.toml && systemctl restart broker";

pub(super) const CONFIG: &str = "\
Examples:
  broker config --print --config config.toml   what that file leads to, and who set what
  broker config --defaults > config.toml       a commented file to start from";

pub(super) const BENCH: &str = "\
Examples:
  broker bench                                      a flood to 1,000 subscribers
  broker bench --rate 100                           100 messages/s, each its own packet
  broker bench --window 1                           one message in flight at a time
  broker bench -t 100 -p 10                         10 publishers, 100 topics, 10 subscribers each
  broker bench --stalled 10% --overflow drop-oldest a tenth of the subscribers never reads
  broker bench --stalled 10% --latest               the same, and the newest is kept for them
  broker bench --stalled 10% --overflow drop-oldest --stalled-latest 50%
                                                    half of them drop, for half the newest is kept
  broker bench -s 10000 -p 0                        only connections: what each of them costs
  broker bench --url quic://127.0.0.1:7400 --fingerprint SHA256 --rate 100 --plot latency.svg
  taskset -c 1 broker bench                         on the core that the broker doesn't use

The generator is one thread that never sleeps. A run in which it needed more than 80 % of its core, or
other processes got in the way, says so: it is void. Raise the limit of open files first (ulimit -n).";
