//! One attempt to deliver.

use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::timeout;

use crate::{Batch, Delivered, Exporter, Undelivered};

/// One attempt, within `limit` if that is not zero. An exporter that panics costs its batch, not the process.
pub(super) async fn attempt(
    exporter: Rc<dyn Exporter>,
    batch: Batch,
    limit: Duration,
) -> Result<Delivered, Undelivered> {
    let export = AssertUnwindSafe(exporter.export(&batch)).catch_unwind();
    let export = export.map(|answer| {
        answer.unwrap_or_else(|_| Err(Undelivered::Refused { cause: "the exporter panicked".into() }))
    });
    if limit.is_zero() {
        return export.await;
    }
    timeout(limit, export).await.unwrap_or_else(|_| {
        Err(Undelivered::Retry { after: None, cause: format!("no answer within {limit:?}").into() })
    })
}
