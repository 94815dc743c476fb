//! The json codec.

use bytes::BytesMut;

use super::DecodeError;
use crate::frame::{BrokerFrame, ClientFrame};

impl<'a> ClientFrame<'a> {
    pub(super) fn write_json(&self, _out: &mut BytesMut) {
        let _ = self;
    }
    pub(super) fn read_json(_frame: &'a [u8]) -> Result<Option<Self>, DecodeError> {
        Err(DecodeError::NotJson { problem: "not written yet".into() })
    }
}
impl<'a> BrokerFrame<'a> {
    pub(super) fn write_json(&self, _out: &mut BytesMut) {
        let _ = self;
    }
    pub(super) fn read_json(_frame: &'a [u8]) -> Result<Option<Self>, DecodeError> {
        Err(DecodeError::NotJson { problem: "not written yet".into() })
    }
}
