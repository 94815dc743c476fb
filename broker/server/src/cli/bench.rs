//! `broker bench`: puts a broker under load, and measures what becomes of it.

use broker_load::{LinkDialect, LoadError, find_server, hide, show};
use client_sdk::{Keep, LaneOptions, Trust, connector};

use super::arguments::{Bench, Codec, Overflow};
use super::outcome::{Failure, Outcome};

/// Puts a broker under load, and prints what was measured.
pub(crate) fn run(arguments: &Bench) -> Result<Outcome, Failure> {
    let dialect = dialect(arguments)?;
    let mut plan = arguments.plan.plan(find_server(&arguments.url));
    plan.receive_window = arguments.credit;
    let measured = broker_load::run(&plan, &dialect, &show);
    hide();
    let report = measured.map_err(|error| failure(&arguments.url, &error))?;
    let published = arguments.plan.publish(&report);
    published.map_err(|error| Outcome::Failed.because(error))?;
    Ok(Outcome::Done)
}

fn dialect(arguments: &Bench) -> Result<LinkDialect, Failure> {
    let url = arguments.url.clone();
    let trust = arguments.fingerprint.map_or_else(Trust::default, Trust::Fingerprint);
    connector(&url, &trust).map_err(|error| Outcome::Misused.because(error))?;
    let codec = match arguments.codec {
        Codec::Bincode => client_sdk::Codec::Bincode,
        Codec::Json => client_sdk::Codec::Json,
    };
    let dialect = LinkDialect::new(url.clone(), codec, move || {
        connector(&url, &trust).expect("the scheme was known just now")
    });
    let dialect = dialect.receive_window(arguments.credit);
    let overflow = arguments.overflow.map(|overflow| match overflow {
        Overflow::Disconnect => client_sdk::Overflow::Disconnect,
        Overflow::DropOldest => client_sdk::Overflow::DropOldest,
    });
    let keep = arguments.latest.then_some(Keep::Latest(1));
    if overflow.is_none() && keep.is_none() {
        return Ok(dialect);
    }
    Ok(dialect.options(LaneOptions { keep, overflow, ..LaneOptions::default() }))
}

fn failure(url: &str, error: &LoadError) -> Failure {
    let (outcome, advice) = match error {
        LoadError::Plan(_) => (Outcome::Misused, ""),
        LoadError::Connect(_) => (
            Outcome::Unconnected,
            "; is a broker running there, may it have so many connections, and may both open so \
             many files (ulimit -n)?",
        ),
        LoadError::Silence(_) => (Outcome::TimedOut, ""),
        _ => (Outcome::Failed, ""),
    };
    outcome.because(format_args!("no measurement at {url}: {error}{advice}"))
}
