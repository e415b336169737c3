//! What became of the documents of one batch, and what that means for its spans.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use pipeline::{Batch, Delivered, Undelivered, count};

use super::Translation;

/// What became of one document.
#[derive(Clone, Debug, PartialEq)]
pub enum Fate {
    /// It was taken.
    Taken,
    /// It may be taken later, but not before so much time has passed.
    Later(Option<Duration>, String),
    /// It will never be taken.
    Rejected(String),
    /// The request that it came in will never be taken.
    Refused(String),
    /// The request that it came in was too large.
    TooLarge(String),
}

/// What `fates`, one for each document of `translation`, mean for `batch`. A span is delivered when all of its
/// documents are; what X-Ray has already takes the place of itself if it is sent again.
pub fn settle(batch: &Batch, translation: &Translation, fates: &[Fate]) -> Result<Delivered, Undelivered> {
    let mut later = Vec::new();
    let mut rejected = Vec::new();
    let (mut after, mut cause, mut reasons) = (None, String::new(), Reasons::default());
    translation
        .untranslated
        .iter()
        .for_each(|span| reasons.add(&format!("span `{}`: {}", span.span, span.reason)));
    for (span, fate) in translation.spans.iter().zip(fates) {
        match fate {
            Fate::Taken => {}
            Fate::Later(wait, why) => {
                after = after.max(*wait);
                cause.clone_from(why);
                later.push(*span);
            }
            Fate::Rejected(why) | Fate::Refused(why) | Fate::TooLarge(why) => {
                reasons.add(why);
                rejected.push(*span);
            }
        }
    }
    later.dedup();
    rejected.dedup();
    rejected.retain(|span| !later.contains(span));
    let lost = rejected.len() + translation.untranslated.len();
    if !later.is_empty() {
        if later.len() == batch.items() {
            return Err(Undelivered::Retry { after, cause: cause.into() });
        }
        if lost > 0 {
            cause = format!("{cause}; {} lost for good: {}", count(lost, "span"), reasons.words());
        }
        let rest = Box::new(only(batch, &later));
        return Err(Undelivered::RetryRest { rest, rejected: lost, after, cause: cause.into() });
    }
    match fates.first() {
        Some(Fate::Refused(why)) if fates.iter().all(|fate| matches!(fate, Fate::Refused(_))) => {
            Err(Undelivered::Refused { cause: why.as_str().into() })
        }
        Some(Fate::TooLarge(why)) if fates.iter().all(|fate| matches!(fate, Fate::TooLarge(_))) => {
            Err(Undelivered::TooLarge { cause: why.as_str().into() })
        }
        _ if lost == 0 => Ok(Delivered::All),
        _ => Ok(Delivered::Partly { rejected: lost, message: reasons.words() }),
    }
}

/// The spans of `batch` with these numbers, which ascend.
fn only(batch: &Batch, numbers: &[usize]) -> Batch {
    let mut rest = batch.clone();
    rest.edit(|request: &mut ExportTraceServiceRequest| {
        let mut number = 0;
        for resource in &mut request.resource_spans {
            for scope in &mut resource.scope_spans {
                scope.spans.retain(|_| {
                    number += 1;
                    numbers.binary_search(&(number - 1)).is_ok()
                });
            }
            resource.scope_spans.retain(|scope| !scope.spans.is_empty());
        }
        request.resource_spans.retain(|resource| !resource.scope_spans.is_empty());
    });
    rest
}

/// Why documents are lost, each reason once and only the first few.
#[derive(Default)]
struct Reasons(Vec<String>, usize);

impl Reasons {
    fn add(&mut self, why: &str) {
        if self.0.iter().any(|known| known == why) {
            return;
        }
        if self.0.len() < 3 { self.0.push(why.to_owned()) } else { self.1 += 1 }
    }

    fn words(&self) -> String {
        let more = if self.1 > 0 { format!("; and {} more", self.1) } else { String::new() };
        self.0.join("; ") + &more
    }
}
