//! A connection that is closed so that the client can still read the last answer.

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// How long a client gets to close its side after ours is closed. Go's server grants 0.5 s.
const PATIENCE: Duration = Duration::from_secs(1);

/// A stream whose shutdown reads and discards what the client still sends, until the client closes.
///
/// Closing a socket with unread data in it resets the connection, and the client may then lose the answer (413,
/// 431, 503) before it has read it: RFC 9112, section 9.6.
pub(super) struct Lingering {
    stream: TcpStream,
    stopping: Rc<Cell<bool>>,
    end: Option<Pin<Box<Sleep>>>,
}

impl Lingering {
    /// Lingers on `stream`, unless `stopping` was set.
    pub fn new(stream: TcpStream, stopping: Rc<Cell<bool>>) -> Self {
        Lingering { stream, stopping, end: None }
    }
}

impl AsyncRead for Lingering {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Lingering {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, data)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, data)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.end.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            self.end = Some(Box::pin(tokio::time::sleep(PATIENCE)));
        }
        let out_of_patience = self.end.as_mut().is_none_or(|end| end.as_mut().poll(cx).is_ready());
        while !self.stopping.get() && !out_of_patience {
            let mut discarded = [0; 8 << 10];
            let mut discarded = ReadBuf::new(&mut discarded);
            let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut discarded));
            if read.is_err() || discarded.filled().is_empty() {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }
}
