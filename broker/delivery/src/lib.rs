//! Topic names, filters and matching; lanes and what waits in them; folding; pure.

mod filter;
pub mod fold;
pub mod lane;
mod matcher;
mod name;
mod topic;

pub use filter::{FilterError, check_filter, filter_covers, filter_matches, filters_overlap};
pub use matcher::Matcher;
pub use name::{NameError, TOKEN_SEPARATOR, TOPIC_BYTES_MAX, WILDCARD_ONE, WILDCARD_TAIL};
pub use topic::{RESERVED_PREFIX, TopicError, check_topic, is_reserved};
