//! What is asked, and how it is written.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::TopicSort;

/// The topic on which clients ask for sessions.
const SESSIONS: &str = "$broker.sessions";

/// The topic on which clients ask for totals.
const STATISTICS: &str = "$broker.stats";

/// The topic on which clients ask for topics.
const TOPICS: &str = "$broker.topics";

/// How many sessions or topics are told at most, whoever asks for how many.
const LIMIT_MAX: usize = 1000;

/// What is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// Sessions, one by one.
    Sessions,
    /// Topics, one by one.
    Topics,
    /// What all of them did together.
    Statistics,
}

impl Subject {
    /// The subject of a topic of the broker's own.
    pub(crate) fn of(topic: &str) -> Option<Self> {
        match topic {
            SESSIONS => Some(Self::Sessions),
            TOPICS => Some(Self::Topics),
            STATISTICS => Some(Self::Statistics),
            _ => None,
        }
    }
}

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Question {
    pub(crate) subject: Subject,
    pub(crate) sort: Sort,
    pub(crate) topic_sort: TopicSort,
    /// How many sessions or topics are to be told at most.
    pub(crate) limit: usize,
    /// How the names of those begin that are meant.
    pub(crate) name: String,
}

/// Which sessions come first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Sort {
    /// Those whose oldest waiting message is the oldest.
    #[default]
    Age,
    /// Those for which most messages wait.
    Queue,
    /// Those whose names come first.
    Name,
}

/// What the body of a request may say.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Wish<Order: Default> {
    sort: Order,
    limit: usize,
    name: String,
}

impl<Order: Default> Default for Wish<Order> {
    fn default() -> Self {
        Self { sort: Order::default(), limit: 20, name: String::new() }
    }
}

impl Question {
    /// Reads the body of a request; an empty one wishes nothing.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn read(subject: Subject, body: &[u8]) -> Result<Self, String> {
        let (mut sort, mut topic_sort) = (Sort::Name, TopicSort::Name);
        let (limit, name) = match subject {
            Subject::Statistics => return Ok(Self::about_all()),
            Subject::Sessions => wished(&mut sort, body)?,
            Subject::Topics => wished(&mut topic_sort, body)?,
        };
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(format!("limit {limit}: must be 1 to {LIMIT_MAX}"));
        }
        Ok(Self { subject, sort, topic_sort, limit, name })
    }

    fn about_all() -> Self {
        let (sort, topic_sort) = (Sort::Name, TopicSort::Name);
        Self { subject: Subject::Statistics, sort, topic_sort, limit: 0, name: String::new() }
    }
}

/// Reads what is wished: the order, how many, and how their names begin.
fn wished<Order: Default + DeserializeOwned>(
    order: &mut Order,
    body: &[u8],
) -> Result<(usize, String), String> {
    let wish = match body.trim_ascii() {
        b"" | b"null" => Wish::default(),
        // Elsewhere a list would do as well, and what is wrong be told in words of this source.
        [b'{', ..] => serde_json::from_slice(body).map_err(|error| error.to_string())?,
        _ => return Err("the body must be empty or a JSON object".to_owned()),
    };
    let Wish { sort, limit, name } = wish;
    *order = sort;
    Ok((limit, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Question, String> {
        Question::read(Subject::Sessions, body.as_bytes())
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let asked = Question {
            subject: Subject::Sessions,
            sort: Sort::Age,
            topic_sort: TopicSort::Name,
            limit: 20,
            name: String::new(),
        };
        for body in ["", "{}", "null"] {
            assert_eq!(read(body), Ok(asked.clone()), "{body:?}");
        }
        let body = r#"{"sort":"queue","limit":1000,"name":"web."}"#;
        let name = "web.".to_owned();
        assert_eq!(read(body), Ok(Question { sort: Sort::Queue, limit: 1000, name, ..asked }));
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_a_reason() {
        let wrong = [
            ("{\"limit\":0}", "1 to 1000"),
            ("{\"limit\":1001}", "1 to 1000"),
            ("{\"limit\":-1}", "-1"),
            ("{\"sort\":\"size\"}", "size"),
            ("{\"most\":3}", "most"),
            ("{", "line 1"),
            ("[", "a JSON object"),
            ("[]", "a JSON object"),
            ("[\"age\",3,\"\"]", "a JSON object"),
            ("3", "a JSON object"),
            ("\"age\"", "a JSON object"),
        ];
        for (body, reason) in wrong {
            let refused = read(body).expect_err(body);
            assert!(refused.contains(reason), "{body}: {refused}");
            assert!(!refused.contains("Wish"), "{body}: {refused}");
        }
    }
}
