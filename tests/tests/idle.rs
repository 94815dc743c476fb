//! What an idle connection costs the broker in memory, as its allocator is asked for it.
//!
//! Kernel memory comes on top, as does what an allocator adds: glibc about 16 bytes to each piece,
//! and the gaps in front of the two that lie at multiples of 128.

#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;

use broker::{Broker, Running, SUBPROTOCOLS};
use broker_protocol::Codec;
use broker_protocol::frame::{ClientFrame, Connect, Consumed, Subscribe};
use bytes::BytesMut;
use tokio::runtime::LocalRuntime;
use tokio::sync::oneshot;

/// How many connections there are, with the one that warms up. Tables are full then: with more
/// they'd double.
const CONNECTIONS: usize = 224;

/// The most that a connection of ten thousand may take, all in all: 2 KiB.
const RESIDENT_BYTES_MAX: i64 = 2048;

/// Of these, what is left to the allocator.
const ALLOCATOR_BYTES: i64 = 300;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\n\
    Host: localhost\r\n\
    Upgrade: websocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Protocol: broker.v1.bincode\r\n\r\n";

/// What a client says before it is silent, by its place among the clients.
type Words = fn(usize) -> Vec<ClientFrame<'static>>;

/// One after the other: each takes two file descriptors for every connection.
#[test]
fn an_idle_connection_costs_little_whatever_it_said_before() {
    let cases: [(&str, Words); 4] = [
        ("shook hands", |_| Vec::new()),
        ("connected", |_| vec![connect()]),
        ("subscribed to what all subscribe to", |_| {
            vec![connect(), subscribe("market.>".into()), has_the_answer()]
        }),
        ("subscribed to its own", |place| {
            vec![connect(), subscribe(format!("user.{place}")), has_the_answer()]
        }),
    ];
    let most = RESIDENT_BYTES_MAX - ALLOCATOR_BYTES;
    for (said, words) in cases {
        let bytes = bytes_of_one(words);
        println!("{said}: {bytes} bytes");
        assert!(bytes > 0, "nothing is counted");
        assert!(bytes <= most, "{said}: {bytes} bytes for each, and {most} are allowed");
    }
}

fn connect() -> ClientFrame<'static> {
    ClientFrame::Connect(Connect { version: 1, ..Connect::default() })
}

fn subscribe(filter: String) -> ClientFrame<'static> {
    ClientFrame::Subscribe(Subscribe { id: 1, filter, ..Subscribe::default() })
}

/// Says that the answer has arrived, as the answer to a ping would: until then it is kept.
fn has_the_answer() -> ClientFrame<'static> {
    ClientFrame::Consumed(Consumed { lane: 0, frames: 1, bytes: 0 })
}

/// What one connection holds of the heap. The broker runs in this thread, in which allocations are
/// counted; its clients run in another.
fn bytes_of_one(words: Words) -> i64 {
    let options = tokio::runtime::LocalOptions::default();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build_local(options).unwrap();
    let (running, address) = runtime.block_on(start());
    let (ask, asked) = mpsc::channel::<(usize, oneshot::Sender<()>)>();
    let clients = std::thread::spawn(move || {
        let mut open = Vec::new();
        for (count, done) in asked {
            let first = open.len();
            open.extend((first..first + count).map(|place| enter(address, &words(place))));
            done.send(()).unwrap();
        }
    });
    let enter = |count| {
        let (done, are_in) = oneshot::channel();
        ask.send((count, done)).unwrap();
        run(&runtime, are_in);
    };
    enter(1);
    let measured = allocation_counter::measure(|| enter(CONNECTIONS - 1));
    drop(ask);
    clients.join().unwrap();
    runtime.block_on(running.shutdown());
    measured.bytes_current / (CONNECTIONS as i64 - 1)
}

fn run(runtime: &LocalRuntime, until: oneshot::Receiver<()>) {
    runtime.block_on(until).unwrap();
}

async fn start() -> (Running, SocketAddr) {
    let listen = || {
        let (any, config) = (([127, 0, 0, 1], 0).into(), transport_websocket::Config::default());
        Ok(Box::new(transport_websocket::listen(any, config, &SUBPROTOCOLS)?) as _)
    };
    let running = Broker::builder().listen(listen).start_local().await.unwrap();
    let address = running.listening()[0].1.socket().unwrap();
    (running, address)
}

/// Opens a connection, says the words one by one and waits for the answer to each.
fn enter(address: SocketAddr, words: &[ClientFrame<'_>]) -> TcpStream {
    let mut tcp = TcpStream::connect(address).unwrap();
    tcp.write_all(REQUEST).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(read_byte(&mut tcp));
    }
    for word in words {
        let mut frame = BytesMut::new();
        Codec::Bincode.write_client(word, &mut frame);
        // Final, binary, masked with nothing (RFC 6455 §5.2).
        tcp.write_all(&[&[0x82, 0x80 | frame.len() as u8, 0, 0, 0, 0], &frame[..]].concat())
            .unwrap();
        if !matches!(word, ClientFrame::Consumed(_)) {
            read_frame(&mut tcp);
        }
    }
    tcp
}

fn read_frame(tcp: &mut TcpStream) {
    assert_eq!(read_byte(tcp), 0x82);
    let length = match read_byte(tcp) {
        126 => usize::from(u16::from_be_bytes([read_byte(tcp), read_byte(tcp)])),
        short => usize::from(short),
    };
    tcp.read_exact(&mut vec![0; length]).unwrap();
}

fn read_byte(tcp: &mut TcpStream) -> u8 {
    let mut byte = [0];
    tcp.read_exact(&mut byte).unwrap();
    byte[0]
}
