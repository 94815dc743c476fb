//! The line by which both ends agree on a subprotocol.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use transport_api::{
    Address, Framing, HandshakeError, Lanes, PingSupport, Preamble, Properties, StreamLink,
    Subprotocol,
};

/// The longest answer that is read, in bytes with its newline.
const ANSWER_BYTES_MAX: usize = 512;

const REFUSAL: &str = "error: ";

/// Reads the client's line and answers it.
pub(crate) async fn serve(
    mut socket: UnixStream,
    spoken: &[Subprotocol],
) -> Result<StreamLink<UnixStream>, HandshakeError> {
    let (line, received_early) = read_preamble(&mut socket).await?;
    let Some(subprotocol) = line.as_deref().and_then(|line| Preamble::choose(line, spoken)) else {
        let reason = refusal(line.as_deref(), spoken);
        // Who is gone already doesn't need to hear it.
        let _ = socket.write_all(format!("{REFUSAL}{reason}\n").as_bytes()).await;
        return Err(HandshakeError::Refused { reason });
    };
    socket.write_all(subprotocol.preamble().as_bytes()).await?;
    Ok(StreamLink::new(socket, properties(subprotocol, Address::Unnamed), received_early))
}

/// Reads a line, or `None` if what came is none, and what came after it.
async fn read_preamble(socket: &mut UnixStream) -> io::Result<(Option<String>, Vec<u8>)> {
    let mut preamble = Preamble::default();
    let mut buffer = [0; Preamble::BYTES_MAX];
    loop {
        let read = socket.read(&mut buffer).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match preamble.take(&buffer[..read]) {
            Ok((taken, Some(line))) => return Ok((Some(line), buffer[taken..read].to_vec())),
            Ok((_, None)) => {}
            Err(()) => return Ok((None, Vec::new())),
        }
    }
}

fn refusal(line: Option<&str>, spoken: &[Subprotocol]) -> String {
    let spoken: Vec<_> = spoken.iter().map(Subprotocol::preamble).collect();
    let spoken = spoken.iter().map(|one| one.trim_end()).collect::<Vec<_>>().join(", ");
    match line {
        Some(line) => format!("{line:?} is not spoken here, but {spoken}"),
        None => format!("the first line must name one of {spoken}"),
    }
}

/// What became of an offer.
#[derive(Debug)]
pub(crate) enum Answer {
    /// It is spoken: here is the link.
    Agreed(StreamLink<UnixStream>),
    /// It is refused with these words.
    Refused(String),
}

/// Sends the line that offers `subprotocol` and reads the answer.
pub(crate) async fn offer(
    mut socket: UnixStream,
    subprotocol: Subprotocol,
    peer: Address,
) -> io::Result<Answer> {
    socket.write_all(subprotocol.preamble().as_bytes()).await?;
    let answer = read_answer(&mut socket).await?;
    if answer == subprotocol.preamble().trim_end() {
        let link = StreamLink::new(socket, properties(subprotocol, peer), Vec::new());
        return Ok(Answer::Agreed(link));
    }
    let words = answer.strip_prefix(REFUSAL).unwrap_or("it answered something else");
    Ok(Answer::Refused(words.to_owned()))
}

/// Reads a line byte by byte, so that nothing after it is taken.
async fn read_answer(socket: &mut UnixStream) -> io::Result<String> {
    let mut line = Vec::new();
    while line.len() < ANSWER_BYTES_MAX {
        match socket.read_u8().await? {
            b'\n' => break,
            byte => line.push(byte),
        }
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}

fn properties(subprotocol: Subprotocol, peer: Address) -> Properties {
    Properties {
        transport: crate::TRANSPORT,
        subprotocol,
        peer,
        framing: Framing::Stream,
        lanes: Lanes::Shared,
        ping: PingSupport::None,
        datagram_bytes_max: None,
    }
}
