//! The axes of the fan-out bench: what is varied, each time from the same cell.

use broker_protocol::Codec;
use broker_tests::Transport;

use crate::{Cell, Clients, is_short};

/// Cells that differ in one thing.
#[derive(Debug, Clone)]
pub struct Axis {
    /// What they differ in.
    pub name: &'static str,
    /// The cells.
    pub cells: Vec<Cell>,
    /// How often each is measured, by turns: more than once where they are to be compared.
    pub rounds: usize,
}

/// Every axis.
pub fn axes() -> Vec<Axis> {
    let axis = |name, cells: Vec<Cell>| Axis { name, cells, rounds: 1 };
    vec![
        axis("transports", transports()),
        axis("subscribers", subscribers()),
        axis("topics", topics()),
        axis("payloads", payloads()),
        Axis { rounds: if is_short() { 1 } else { 3 }, ..axis("codecs", codecs()) },
        axis("shards", shards()),
        axis("clients", clients()),
    ]
}

/// The cell through which all axes go; fewer subscribers where only the way is tried.
fn base() -> Cell {
    Cell { subscribers: if is_short() { 50 } else { Cell::BASE.subscribers }, ..Cell::BASE }
}

fn transports() -> Vec<Cell> {
    use Transport::{Memory, Quic, SecureWebSocket, Unix, WebSocket};
    let all = [Memory, Unix, WebSocket, SecureWebSocket, Quic];
    all.map(|transport| Cell { transport, ..base() }).into()
}

/// Both ends of each connection are files of this process: 20,000 are enough for 9,900.
fn subscribers() -> Vec<Cell> {
    let counts: &[usize] = if is_short() { &[1, 50] } else { &[1, 10, 100, 1000, 9900] };
    let cell = |subscribers: &usize| Cell { subscribers: *subscribers, ..base() };
    let mut cells: Vec<_> = counts.iter().map(cell).collect();
    cells.push(crowd());
    cells
}

fn topics() -> Vec<Cell> {
    let subscribers = base().subscribers;
    let few = [1, subscribers / 10, subscribers].map(|topics| Cell { topics, ..base() });
    let crowd = crowd();
    let all = crowd.subscribers;
    let many = [1, all / 100, all].map(|topics| Cell { topics, ..crowd });
    [few, many].concat()
}

/// More subscribers than a process may have files: over memory.
fn crowd() -> Cell {
    let subscribers = if is_short() { 200 } else { 10_000 };
    Cell { transport: Transport::Memory, subscribers, ..base() }
}

fn payloads() -> Vec<Cell> {
    let sizes = [16, 128, 1024, 4096, 16_384, 65_536];
    sizes.map(|payload_bytes| Cell { payload_bytes, ..base() }).into()
}

fn codecs() -> Vec<Cell> {
    [Codec::Bincode, Codec::Json].map(|codec| Cell { codec, ..base() }).into()
}

fn shards() -> Vec<Cell> {
    let cell = |transport, shards| Cell { transport, shards, ..base() };
    let (memory, websocket) = (Transport::Memory, Transport::WebSocket);
    vec![cell(websocket, 1), cell(websocket, 2), cell(memory, 1), cell(memory, 2)]
}

fn clients() -> Vec<Cell> {
    [Clients::Bare, Clients::Sdk].map(|clients| Cell { clients, ..base() }).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_have_names_of_their_own_of_which_none_contains_another() {
        let axes = axes();
        for axis in &axes {
            let selected = axes.iter().filter(|other| other.name.contains(axis.name));
            assert_eq!(selected.count(), 1, "{}", axis.name);
        }
    }
}
