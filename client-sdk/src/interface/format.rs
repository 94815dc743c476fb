//! How arguments and answers become payloads: bincode between programs of this SDK, JSON for
//! everybody else.

use std::cell::{Cell, RefCell};
use std::marker::PhantomData;

use bincode::error::DecodeError;
use broker_protocol::frame::Content;
use serde::Serialize;
use serde::de::{DeserializeOwned, DeserializeSeed as _};

use super::bounds::Elements;
use super::copying::Copying;
use super::description::Method;
use crate::client::WeakClient;
use crate::{Body, Client};

/// What a value may claim to need while it is read, in bytes: no more than it can have.
const CLAIMED_BYTES_MAX: usize = 64 * 1024 * 1024;

const BINCODE: bincode::config::Configuration = bincode::config::standard();

/// How arguments and answers are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// bincode 2 in its standard configuration: compact; both ends have the same types.
    #[default]
    Bincode,
    /// JSON documents: arguments are an object of their names.
    Json,
}

/// Callbacks in one call or answer at most: each costs a word to the broker.
const CALLBACKS_MAX: usize = 16_384;

/// What a thread reads.
struct Reading {
    /// The client by which something was read last: mostly the next one too.
    client: RefCell<Option<WeakClient>>,
    /// How many handles there may still be in what is being read; `None` while nothing is.
    left: Cell<Option<usize>>,
}

/// What was being read before something else was, within it.
struct Before {
    client: Option<WeakClient>,
    left: usize,
}

thread_local! {
    /// What is being read, for the handles in it.
    static READING: Reading = const { Reading { client: RefCell::new(None), left: Cell::new(None) } };
}

impl Reading {
    /// Something is read from here on. What was read before, if that isn't done yet.
    #[inline]
    fn begin(&self, client: &WeakClient) -> Option<Before> {
        let left = self.left.replace(Some(CALLBACKS_MAX));
        let before = left.map(|left| Before { client: self.client.take(), left });
        let mut last = self.client.borrow_mut();
        if !last.as_ref().is_some_and(|last| last.is_same(client)) {
            *last = Some(client.clone());
        }
        before
    }

    /// It is read: what was read before goes on.
    #[inline]
    fn end(&self, before: Option<Before>) {
        self.left.set(before.as_ref().map(|before| before.left));
        if let Some(before) = before {
            self.client.replace(before.client);
        }
    }

    /// The client, for one more handle in what is being read.
    fn take_handle(&self) -> Result<Client, String> {
        let outside = || "a callback comes in calls and answers alone".to_owned();
        let left = self.left.get().ok_or_else(outside)?;
        let too_many = || format!("at most {CALLBACKS_MAX} callbacks come together");
        self.left.set(Some(left.checked_sub(1).ok_or_else(too_many)?));
        let client = self.client.borrow().as_ref().and_then(WeakClient::upgrade);
        client.ok_or_else(|| "the client is closed".to_owned())
    }
}

/// The client by which something is being read, on this thread at this moment, for one more handle in
/// it.
pub(super) fn reading() -> Result<Client, String> {
    READING.with(Reading::take_handle)
}

impl Format {
    /// What a payload is written in.
    pub(super) fn of(content: Content) -> Self {
        match content {
            Content::Json | Content::Text => Self::Json,
            Content::Bytes => Self::Bincode,
        }
    }

    /// Writes the arguments of a call behind what is in `payload`.
    pub(super) fn call(
        self,
        method: &Method,
        arguments: &impl Serialize,
        payload: &mut Vec<u8>,
    ) -> Result<Content, String> {
        match self {
            Self::Bincode => {
                payload.extend_from_slice(&method.fingerprint.to_le_bytes());
                bincode::serde::encode_into_std_write(arguments, payload, BINCODE)
                    .map_err(|error| error.to_string())?;
                Ok(Content::Bytes)
            }
            Self::Json => {
                serde_json::to_writer(payload, arguments).map_err(|error| error.to_string())?;
                Ok(Content::Json)
            }
        }
    }

    /// Writes an answer.
    pub(super) fn answer(self, value: &impl Serialize) -> Result<Body, String> {
        match self {
            Self::Bincode => {
                let payload = bincode::serde::encode_to_vec(value, BINCODE);
                payload.map(Body::from).map_err(|error| error.to_string())
            }
            Self::Json => {
                let document = serde_json::to_string(value);
                document.map(Body::json).map_err(|error| error.to_string())
            }
        }
    }

    /// Reads a value. All of the payload has to be it.
    pub(super) fn read<T: DeserializeOwned>(
        self,
        payload: &[u8],
        client: &WeakClient,
    ) -> Result<T, String> {
        READING.with(|reading| {
            let before = reading.begin(client);
            let read = match self {
                Self::Bincode => read_bincode(payload),
                Self::Json => read_json(payload).map_err(|error| error.to_string()),
            };
            reading.end(before);
            read
        })
    }
}

fn read_bincode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, String> {
    let config = BINCODE.with_limit::<CLAIMED_BYTES_MAX>();
    let elements = Elements::of(payload);
    let value = Copying(PhantomData::<T>, elements.bounds());
    let read = bincode::serde::seed_decode_from_slice(value, payload, config);
    let (value, taken) = read.map_err(|error| match error {
        DecodeError::OtherString(message) => message,
        error => error.to_string(),
    })?;
    match taken == payload.len() {
        true => Ok(value),
        false => Err(format!("{} bytes are left behind it", payload.len() - taken)),
    }
}

fn read_json<T: DeserializeOwned>(payload: &[u8]) -> serde_json::Result<T> {
    let elements = Elements::of(payload);
    let mut document = serde_json::Deserializer::from_slice(payload);
    let value = Copying(PhantomData::<T>, elements.bounds()).deserialize(&mut document)?;
    document.end()?;
    Ok(value)
}

#[cfg(test)]
mod tests;
