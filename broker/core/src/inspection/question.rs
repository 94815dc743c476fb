//! What is asked.

mod wish;

use serde::Deserialize;

use self::wish::wished;
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
        Ok(Self { subject, sort, topic_sort, limit, name })
    }

    fn about_all() -> Self {
        let (sort, topic_sort) = (Sort::Name, TopicSort::Name);
        Self { subject: Subject::Statistics, sort, topic_sort, limit: 0, name: String::new() }
    }
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
    fn what_makes_no_sense_is_refused_with_a_reason_in_words_of_the_protocol() {
        let limit = "`limit`: expected a whole number from 1 to 1000";
        let sort = r#"`sort`: expected "age", "queue" or "name""#;
        let object = "the body must be empty or a JSON object";
        let wrong = [
            ("{\"limit\":0}", limit),
            ("{\"limit\":1001}", limit),
            ("{\"limit\":-1}", limit),
            ("{\"limit\":1.5}", limit),
            ("{\"limit\":\"20\"}", limit),
            ("{\"limit\":null}", limit),
            ("{\"sort\":\"size\"}", sort),
            ("{\"sort\":3}", sort),
            ("{\"sort\":[\"age\"]}", sort),
            ("{\"name\":{}}", "`name`: expected a string"),
            ("{\"most\":3}", "`most`: nobody knows it; there are `sort`, `limit` and `name`"),
            ("{\"limit\":1,\"limit\":1}", "`limit`: stands there twice"),
            ("{", "EOF while parsing an object at line 1 column 1"),
            ("[", object),
            ("[]", object),
            ("[\"age\",3,\"\"]", object),
            ("3", object),
            ("\"age\"", object),
        ];
        for (body, reason) in wrong {
            let refused = read(body).expect_err(body);
            assert!(refused.starts_with(reason), "{body}: {refused}");
        }
        let topics = Question::read(Subject::Topics, b"{\"sort\":\"age\"}");
        let words =
            r#"`sort`: expected "published", "bytes", "deliveries", "retained", "idle" or "name""#;
        assert_eq!(topics, Err(words.to_owned()));
    }

    #[test]
    fn every_word_that_is_named_is_taken() {
        fn all<O: wish::Order>() {
            let words = O::WORDS.split('"').skip(1).step_by(2);
            words.for_each(|word| assert!(serde_json::from_str::<O>(&format!("{word:?}")).is_ok()));
        }
        all::<Sort>();
        all::<TopicSort>();
    }

    #[test]
    fn no_more_than_a_word_of_a_body_is_repeated() {
        let refused = read(&format!("{{\"{}\":1}}", "x".repeat(100_000))).expect_err("unknown");
        assert!(refused.len() < 200, "{} bytes", refused.len());
    }
}
