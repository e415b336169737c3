//! The way of a request into the engine, the same for both protocols: lease, read, inflate, prove, accept.

use std::fmt;

use bytes::{Buf, Bytes};
use http_body_util::BodyExt;
use hyper::body::Body;
use pipeline::{Batch, Full, Inlet, Lease, Malformed, Signal};

use super::inflate::Coding;

/// Takes requests of at most `limit` bytes, before and after inflating.
pub(super) struct Intake {
    pub inlet: Inlet,
    pub limit: usize,
}

/// The encoding of a request, and so of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// OTLP as protobuf.
    Protobuf,
    /// OTLP as JSON.
    Json,
}

/// Why a request was not taken.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It is no OTLP, or not compressed as it says.
    Malformed(String),
    /// It is larger than the configuration allows.
    TooLarge { limit: usize },
    /// There is no memory left for it now.
    Full(Full),
    /// The client hung up before its end.
    Cut(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Malformed(message) | Refusal::Cut(message) => f.write_str(message),
            Refusal::TooLarge { limit } => write!(f, "the request is larger than the limit of {limit} bytes"),
            Refusal::Full(full) => full.fmt(f),
        }
    }
}

impl From<Full> for Refusal {
    fn from(full: Full) -> Self {
        // A client that is told to come again would do so in vain, at the function's expense.
        if full.asked > full.most { Refusal::TooLarge { limit: full.most } } else { Refusal::Full(full) }
    }
}

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Self {
        Refusal::Malformed(malformed.message)
    }
}

impl Intake {
    /// Reads a body to its end, under a lease taken before.
    pub async fn read<B: Body<Data = Bytes> + Unpin>(&self, body: &mut B) -> Result<(Vec<u8>, Lease), Refusal>
    where
        B::Error: fmt::Display,
    {
        let declared = body.size_hint().exact().map(|size| usize::try_from(size).unwrap_or(usize::MAX));
        let mut data = self.space(declared.unwrap_or(0))?;
        while let Some(chunk) = next(body).await? {
            if declared.is_none() {
                data.grow(chunk.len(), self.limit)?;
            }
            data.bytes.extend_from_slice(&chunk);
        }
        Ok((data.bytes, data.lease))
    }

    /// Reads one gRPC message, under a lease taken before: its compressed flag, and the message
    /// (<https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>). What follows it is left unread, as
    /// gRPC servers do for unary methods.
    pub async fn read_message<B: Body<Data = Bytes> + Unpin>(
        &self,
        body: &mut B,
    ) -> Result<(u8, Vec<u8>, Lease), Refusal>
    where
        B::Error: fmt::Display,
    {
        let cut = || Refusal::Cut("the request ends inside a message".into());
        let mut head = [0; 5];
        let mut filled = 0;
        let mut chunk = Bytes::new();
        while filled < head.len() {
            while chunk.is_empty() {
                chunk = next(body).await?.ok_or_else(cut)?;
            }
            let taken = chunk.len().min(head.len() - filled);
            head[filled..filled + taken].copy_from_slice(&chunk[..taken]);
            chunk.advance(taken);
            filled += taken;
        }
        let [flag, size @ ..] = head;
        let size = u32::from_be_bytes(size) as usize;
        let mut data = self.space(size)?;
        loop {
            data.bytes.extend_from_slice(&chunk[..chunk.len().min(size - data.bytes.len())]);
            if data.bytes.len() == size {
                return Ok((flag, data.bytes, data.lease));
            }
            chunk = next(body).await?.ok_or_else(cut)?;
        }
    }

    /// Hands a request over. When this returns, it was taken, and the client may be told so.
    pub fn take(
        &self,
        signal: Signal,
        format: Format,
        coding: Coding,
        body: Vec<u8>,
        mut lease: Lease,
    ) -> Result<(), Refusal> {
        let mut body = coding.inflate(body, self.limit, &mut lease)?;
        let batch = match format {
            Format::Protobuf => {
                // The batch's lease is its length. An eighth more is cheaper than another copy.
                if body.capacity() - body.len() > body.len() / 8 {
                    body.shrink_to_fit();
                }
                Batch::admit(signal, body.into(), lease)?
            }
            Format::Json => Batch::admit_json(signal, &body, lease)?,
        };
        // Nothing but empty shells: the Collector relays none of them either.
        if batch.items() > 0 {
            self.inlet.accept(batch);
        }
        Ok(())
    }

    /// Leases and allocates room for `size` bytes.
    ///
    /// The body is copied into it, rather than kept as the chunks it came in: those are slices of read buffers of
    /// up to twice their size, which would stay in memory with them, unleased. The copy costs a few microseconds
    /// per 100 kB.
    fn space(&self, size: usize) -> Result<Space, Refusal> {
        if size > self.limit {
            return Err(Refusal::TooLarge { limit: self.limit });
        }
        Ok(Space { lease: self.inlet.lease(size)?, bytes: Vec::with_capacity(size) })
    }
}

/// Leased memory.
struct Space {
    lease: Lease,
    bytes: Vec<u8>,
}

impl Space {
    fn grow(&mut self, more: usize, limit: usize) -> Result<(), Refusal> {
        // No more than fits at best is asked for in advance.
        let limit = limit.min(self.bytes.capacity() + self.lease.room_at_best());
        let wanted = self.bytes.len() + more;
        if wanted > limit {
            return Err(Refusal::TooLarge { limit });
        }
        if let Some(missing) = wanted.checked_sub(self.bytes.capacity()) {
            let added = missing.max(self.bytes.capacity()).min(limit - self.bytes.capacity());
            self.lease.grow(added)?;
            self.bytes.reserve_exact(self.bytes.capacity() + added - self.bytes.len());
        }
        Ok(())
    }
}

/// The next chunk of a body, or none at its end.
pub(super) async fn next<B: Body<Data = Bytes> + Unpin>(body: &mut B) -> Result<Option<Bytes>, Refusal>
where
    B::Error: fmt::Display,
{
    loop {
        match body.frame().await {
            None => return Ok(None),
            Some(Err(error)) => return Err(Refusal::Cut(format!("the body was cut short: {error}"))),
            // Trailers say nothing that matters here.
            Some(Ok(frame)) => {
                if let Ok(chunk) = frame.into_data() {
                    return Ok(Some(chunk));
                }
            }
        }
    }
}
