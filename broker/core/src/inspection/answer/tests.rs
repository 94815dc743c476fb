use serde_json::Value;

use super::super::{SessionReport, Sort, TopicSort};
use super::*;

fn report(name: &str, messages: u64, age: u64) -> SessionReport {
    SessionReport {
        name: name.to_owned(),
        session: format!("0-{messages}-{age}"),
        transport: Some("ws"),
        codec: "json",
        peer: None,
        connected: true,
        since: 0,
        subscriptions: 1,
        waiting: Waiting { messages, bytes: 10 * messages, age },
        counted: Counted::default(),
        lanes: Vec::new(),
    }
}

fn part(sessions: Vec<SessionReport>) -> Arc<Part> {
    let count = sessions.len() as u64;
    let counts = Counts { sessions: count, connected: count, matching: count, behind: 1 };
    Arc::new(Part { sessions, counts, ..Part::default() })
}

fn question(sort: Sort, limit: usize) -> Question {
    Question {
        subject: Subject::Sessions,
        sort,
        topic_sort: TopicSort::Name,
        limit,
        name: String::new(),
    }
}

fn answered() -> Answered {
    let sequencer = crate::SequencerStatistics::default();
    let mut answered =
        Answered::new(Overview { shards: 2, sequencer, topics: 0, patterns: Arc::new([]) });
    assert!(!answered.add(part(vec![report("b", 3, 50), report("d", 9, 10)])));
    assert!(answered.add(part(vec![report("c", 3, 70), report("a", 0, 0)])));
    answered
}

fn write(question: &Question, bytes_max: usize) -> Value {
    let written = answered().write(question, &Policies::default(), 1234, bytes_max);
    assert!(written.len() <= bytes_max, "{} bytes", written.len());
    serde_json::from_slice(&written).expect("it is JSON")
}

fn names(answer: &Value) -> Vec<&str> {
    let list = answer["list"].as_array().expect("there is a list");
    list.iter().map(|session| session["name"].as_str().expect("each has a name")).collect()
}

#[test]
fn the_parts_of_all_shards_are_in_one_order() {
    let orders = [
        (Sort::Age, ["c", "b", "d", "a"]),
        (Sort::Queue, ["d", "b", "c", "a"]),
        (Sort::Name, ["a", "b", "c", "d"]),
    ];
    for (sort, order) in orders {
        assert_eq!(names(&write(&question(sort, 20), 1 << 20)), order, "{sort:?}");
        assert_eq!(names(&write(&question(sort, 2), 1 << 20)), order[..2], "{sort:?}");
    }
}

#[test]
fn what_does_not_fit_is_left_out_and_the_counts_say_so() {
    let all = write(&question(Sort::Age, 20), 1 << 20);
    assert_eq!(
        (&all["sessions"], &all["behind"], &all["shown"]),
        (&4.into(), &2.into(), &4.into())
    );
    let one = answered().write(&question(Sort::Age, 1), &Policies::default(), 1234, 1 << 20).len();
    let cut = write(&question(Sort::Age, 20), one + HEAD_BYTES_MAX);
    assert_eq!(names(&cut), ["c"]);
    assert_eq!((&cut["matching"], &cut["shown"]), (&4.into(), &1.into()));
    assert!(names(&write(&question(Sort::Age, 20), HEAD_BYTES_MAX)).is_empty());
}

#[test]
fn the_head_never_takes_more_than_is_set_aside_for_it() {
    let most = u64::MAX;
    let counts = Counts { sessions: most, connected: most, matching: most, behind: most };
    let head = to_json(&Head { time: most, counts, shown: usize::MAX });
    assert!(head.len() + b",\"list\":[]}".len() <= HEAD_BYTES_MAX, "{} bytes", head.len());
}
