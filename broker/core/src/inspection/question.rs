//! What is asked, and how it is written.

use serde::Deserialize;

/// The topic on which clients ask for sessions.
const SESSIONS: &str = "$broker.sessions";

/// The topic on which clients ask for totals.
const STATISTICS: &str = "$broker.stats";

/// How many sessions are told at most, whoever asks for how many.
const LIMIT_MAX: usize = 1000;

/// What is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// Sessions, one by one.
    Sessions,
    /// What all of them did together.
    Statistics,
}

impl Subject {
    /// The subject of a topic of the broker's own.
    pub(crate) fn of(topic: &str) -> Option<Self> {
        match topic {
            SESSIONS => Some(Self::Sessions),
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
    /// How many sessions are to be told at most.
    pub(crate) limit: usize,
    /// How the names of the sessions begin that are meant.
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
struct Wish {
    sort: Sort,
    limit: usize,
    name: String,
}

impl Default for Wish {
    fn default() -> Self {
        Self { sort: Sort::default(), limit: 20, name: String::new() }
    }
}

impl Question {
    /// Reads the body of a request; an empty one wishes nothing.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn read(subject: Subject, body: &[u8]) -> Result<Self, String> {
        if subject == Subject::Statistics {
            return Ok(Self { subject, sort: Sort::Name, limit: 0, name: String::new() });
        }
        let wish = match body {
            b"" => None,
            body => serde_json::from_slice(body).map_err(|error| error.to_string())?,
        };
        let Wish { sort, limit, name } = wish.unwrap_or_default();
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(format!("limit {limit}: must be 1 to {LIMIT_MAX}"));
        }
        Ok(Self { subject, sort, limit, name })
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
            ("[", "line 1"),
        ];
        for (body, reason) in wrong {
            let refused = read(body).expect_err(body);
            assert!(refused.contains(reason), "{body}: {refused}");
        }
    }
}
