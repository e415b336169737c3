//! What a process writes: lines on its standard streams, and frames on the channel that Lambda gives its runtimes.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::unix::pipe;

use crate::platform::Platform;

/// The descriptor of the framed channel in the runtime's process. A shell opens it, and that knows one digit only.
pub(crate) const FRAMES_FD: u8 = 3;
/// A frame's type without its lowest byte, which tells format and level.
const FRAME: u32 = 0xA55A_0000;
/// How long the platform looks for what a process has written before it goes on without.
const DRAINING: Duration = Duration::from_secs(5);

/// What is read from a process; clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Capture {
    pipes: Arc<Vec<OwnedFd>>,
}

impl Capture {
    /// Watches these pipes.
    pub fn new<'a>(pipes: impl IntoIterator<Item = &'a OwnedFd>) -> io::Result<Capture> {
        let pipes = pipes.into_iter().map(OwnedFd::try_clone).collect::<io::Result<_>>()?;
        Ok(Capture { pipes: Arc::new(pipes) })
    }

    /// Waits until everything that the process has written so far is read.
    pub async fn drained(&self) {
        let empty =
            || self.pipes.iter().all(|pipe| rustix::io::ioctl_fionread(pipe).is_ok_and(|left| left == 0));
        let drain = async {
            // The kernel tells nobody that a pipe has become empty, so we have to look again and again.
            while !empty() {
                tokio::time::sleep(Duration::from_micros(100)).await;
            }
            // What is out of the pipe is with the reader, whose turn comes before ours.
            tokio::task::yield_now().await;
        };
        let _ = tokio::time::timeout(DRAINING, drain).await;
    }
}

/// Tells every line to the platform.
pub(crate) async fn lines(pipe: OwnedFd, platform: &Arc<Platform>, name: &str) -> io::Result<()> {
    let mut stream = BufReader::new(pipe::Receiver::from_owned_fd(pipe)?);
    let mut line = Vec::new();
    while stream.read_until(b'\n', &mut line).await? > 0 {
        let text = String::from_utf8_lossy(&line);
        let kept = platform.quirks.read(|quirks| quirks.lines_keep_their_end);
        let text = if kept { &text } else { text.trim_end_matches(['\n', '\r']) };
        platform.line(name, SystemTime::now(), text.to_owned());
        line.clear();
    }
    Ok(())
}

/// Tells every frame to the platform, as a record of its own with the time that it carries.
pub(crate) async fn frames(pipe: OwnedFd, platform: &Arc<Platform>, name: &str) -> io::Result<()> {
    let mut stream = BufReader::new(pipe::Receiver::from_owned_fd(pipe)?);
    loop {
        let kind = stream.read_u32().await?;
        if kind & 0xFFFF_FF00 != FRAME {
            return Err(io::Error::other(format!("{kind:#x} is no type of frame")));
        }
        let mut text = vec![0; stream.read_u32().await? as usize];
        let at = UNIX_EPOCH + Duration::from_micros(stream.read_u64().await?);
        stream.read_exact(&mut text).await?;
        platform.line(name, at, String::from_utf8_lossy(&text).into_owned());
    }
}
