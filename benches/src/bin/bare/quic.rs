//! QUIC: one thread, in which quinn has its tasks and every client one.

mod streams;

use std::cell::RefCell;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll};

use broker_protocol::Codec;
use bytes::{Buf, BytesMut};
use quinn::{Endpoint, Incoming, RecvStream, VarInt};
use tokio::runtime::{Builder, LocalOptions};
use transport_quic::Config;
use transport_tls::ServerIdentity;

use crate::SUBPROTOCOL;
use crate::hub::{FRAME_BYTES_MAX, Hub};
use streams::Streams;

/// How much is read at a time, in bytes.
const BUFFER_BYTES: usize = 64 * 1024;
/// The application code of an end in good order.
const NORMAL: VarInt = VarInt::from_u32(0);

/// Serves until the process is ended. `greet` is told where.
///
/// # Errors
/// If the address can't be had, or there is no runtime.
pub(crate) fn run(
    address: SocketAddr,
    identity: &ServerIdentity,
    greet: impl FnOnce(SocketAddr, &ServerIdentity),
) -> anyhow::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(async {
        let endpoint =
            transport_quic::endpoint(address, &Config::default(), identity, &[SUBPROTOCOL])?;
        greet(endpoint.local_addr()?, identity);
        serve(&endpoint).await;
        Ok(())
    })
}

/// What all clients share.
struct Shared {
    hub: Hub<Streams>,
    buffer: Vec<u8>,
}

async fn serve(endpoint: &Endpoint) {
    let shared = Shared { hub: Hub::new(), buffer: vec![0; BUFFER_BYTES] };
    let shared = Rc::new(RefCell::new(shared));
    while let Some(incoming) = endpoint.accept().await {
        let shared = shared.clone();
        tokio::task::spawn_local(async move {
            if let Err(error) = attend(incoming, &shared).await {
                eprintln!("a client: {error:#}");
            }
        });
    }
}

/// Serves one client from its first packet to its last.
async fn attend(incoming: Incoming, shared: &RefCell<Shared>) -> anyhow::Result<()> {
    let connection = incoming.await?;
    let (control, receive) = connection.accept_bi().await?;
    let streams = Streams::new(connection.clone(), control);
    let id = shared.borrow_mut().hub.join(streams);
    let mut arriving = Arriving { id, stream: receive, held: BytesMut::new() };
    let ended = loop {
        match poll_fn(|cx| arriving.poll(cx, &mut shared.borrow_mut())).await {
            Ok(true) => {}
            Ok(false) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    let streams = shared.borrow_mut().hub.leave(id);
    if let (Ok(()), Some(streams)) = (&ended, streams) {
        streams.finish().await;
        connection.close(NORMAL, b"");
    }
    // A client that closes the connection has said all that it wanted.
    if connection.close_reason().is_some() { Ok(()) } else { ended }
}

/// What a client sends.
struct Arriving {
    id: usize,
    stream: RecvStream,
    /// The beginning of a frame.
    held: BytesMut,
}

impl Arriving {
    /// Reads once and does what is asked there. Returns whether more may come.
    fn poll(&mut self, cx: &mut Context<'_>, shared: &mut Shared) -> Poll<anyhow::Result<bool>> {
        let Shared { hub, buffer } = shared;
        if let Some(streams) = hub.way(self.id) {
            streams.flush(cx);
        }
        match self.stream.poll_read(cx, buffer) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(0)) => Poll::Ready(Ok(false)),
            Poll::Ready(Ok(length)) => Poll::Ready(self.hear(hub, &buffer[..length])),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error.into())),
        }
    }

    fn hear(&mut self, hub: &mut Hub<Streams>, bytes: &[u8]) -> anyhow::Result<bool> {
        self.held.extend_from_slice(bytes);
        while let Some(cut) = Codec::Bincode.cut(&self.held, FRAME_BYTES_MAX)? {
            hub.hear(self.id, cut.frame)?;
            let taken = cut.taken;
            self.held.advance(taken);
        }
        hub.flush(self.id);
        Ok(!hub.is_leaving(self.id))
    }
}
