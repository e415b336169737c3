//! What the engine's own tests share: numbered batches, and an exporter that does as it is told.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

use crate::{Batch, Budget, Delivered, Exporter, Sending, Signal, Undelivered};

/// A batch of one span for each number, named after it.
pub fn spans(budget: &Budget, numbers: impl IntoIterator<Item = u32>) -> Batch {
    let span = |number: u32| Span { name: number.to_string(), ..Span::default() };
    let scope = ScopeSpans { spans: numbers.into_iter().map(span).collect(), ..ScopeSpans::default() };
    let resource = ResourceSpans { scope_spans: vec![scope], ..ResourceSpans::default() };
    let bytes = ExportTraceServiceRequest { resource_spans: vec![resource] }.encode_to_vec();
    let lease = budget.lease(bytes.len()).unwrap();
    Batch::admit(Signal::Traces, bytes.into(), lease).unwrap()
}

/// The numbers of the spans in `batch`.
pub fn numbers(batch: &Batch) -> Vec<u32> {
    let request: ExportTraceServiceRequest = batch.decode();
    let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
    scopes.flat_map(|scope| scope.spans).map(|span| span.name.parse().unwrap()).collect()
}

/// What a [`Backend`] does with a request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Takes it.
    Take,
    /// Takes it after a while.
    TakeAfter(Duration),
    /// Asks to try again.
    Busy(Option<Duration>),
    /// The same, after a while.
    BusyAfter(Duration),
    /// Says it is too large if it holds more than so many spans, else takes it.
    AtMost(usize),
    /// Refuses it if it holds this span, else takes it.
    RefuseWith(u32),
    /// Refuses it.
    Refuse,
    /// Rejects so many items of it.
    Reject(usize),
    /// Takes all but so many spans, which it may take later, and rejects one item of what it takes.
    TakeButLast(usize),
    /// Does not know who sends.
    Unauthenticated,
    /// The same, after a while.
    UnauthenticatedAfter(Duration),
    /// Never answers.
    Hang,
    /// Panics.
    Panic,
}

/// A backend inside the process: clones are the same one.
#[derive(Clone, Default)]
pub struct Backend(Rc<Inner>);

#[derive(Default)]
struct Inner {
    script: RefCell<VecDeque<Answer>>,
    always: RefCell<Option<Answer>>,
    taken: RefCell<Vec<Vec<u32>>>,
    asked: Cell<usize>,
    largest: Cell<usize>,
    at_once: Cell<usize>,
    most_at_once: Cell<usize>,
    sending: RefCell<Sending>,
}

impl Backend {
    /// Answers the next requests like this, one after the other, before it does what it always does.
    pub fn next(&self, answers: impl IntoIterator<Item = Answer>) -> &Self {
        self.0.script.borrow_mut().extend(answers);
        self
    }

    /// Answers every request like this from now on.
    pub fn always(&self, answer: Answer) -> &Self {
        *self.0.always.borrow_mut() = Some(answer);
        self
    }

    /// How its outbox shall send.
    pub fn sending(&self, change: impl FnOnce(&mut Sending)) -> &Self {
        change(&mut self.0.sending.borrow_mut());
        self
    }

    /// The spans that it took, request by request.
    pub fn taken(&self) -> Vec<Vec<u32>> {
        self.0.taken.borrow().clone()
    }

    /// How many requests were begun.
    pub fn asked(&self) -> usize {
        self.0.asked.get()
    }

    /// The bytes of the largest request that was begun while it was not taking any.
    pub fn largest(&self) -> usize {
        self.0.largest.get()
    }

    /// How many requests were under way at the same time, at most.
    pub fn most_at_once(&self) -> usize {
        self.0.most_at_once.get()
    }

    /// The exporter that talks to it.
    pub fn exporter(&self) -> Box<dyn Exporter> {
        Box::new(self.clone())
    }

    async fn answer(&self, batch: &Batch) -> Result<Delivered, Undelivered> {
        let scripted = self.0.script.borrow_mut().pop_front();
        let answer = scripted.or_else(|| self.0.always.borrow().clone()).unwrap_or(Answer::Take);
        if !matches!(answer, Answer::Take) {
            self.0.largest.set(self.0.largest.get().max(batch.len()));
        }
        let take = || {
            self.0.taken.borrow_mut().push(numbers(batch));
            Ok(Delivered::All)
        };
        let cause = "told to".into();
        match answer {
            Answer::Take => take(),
            Answer::TakeAfter(wait) => {
                tokio::time::sleep(wait).await;
                take()
            }
            Answer::Busy(after) => Err(Undelivered::Retry { after, cause }),
            Answer::BusyAfter(wait) => {
                tokio::time::sleep(wait).await;
                Err(Undelivered::Retry { after: None, cause })
            }
            Answer::AtMost(most) if batch.items() > most => Err(Undelivered::TooLarge { cause }),
            Answer::Refuse => Err(Undelivered::Refused { cause }),
            Answer::RefuseWith(bad) if numbers(batch).contains(&bad) => Err(Undelivered::Refused { cause }),
            Answer::Unauthenticated => Err(Undelivered::Unauthenticated { cause }),
            Answer::UnauthenticatedAfter(wait) => {
                tokio::time::sleep(wait).await;
                Err(Undelivered::Unauthenticated { cause })
            }
            Answer::AtMost(_) | Answer::RefuseWith(_) => take(),
            Answer::Reject(rejected) => {
                take().map(|_| Delivered::Partly { rejected, message: "told to".into() })
            }
            Answer::TakeButLast(most) if batch.items() > most => {
                let mut taken = batch.clone();
                let rest = taken.split_off_items(batch.items() - most).map(Box::new);
                self.0.taken.borrow_mut().push(numbers(&taken));
                Err(Undelivered::RetryRest {
                    rest: rest.expect("it can be cut"),
                    rejected: 1,
                    after: None,
                    cause,
                })
            }
            Answer::TakeButLast(_) => take(),
            Answer::Hang => std::future::pending().await,
            Answer::Panic => panic!("told to"),
        }
    }
}

/// Counts a request as under way for as long as it lives.
struct UnderWay<'a>(&'a Inner);

impl<'a> UnderWay<'a> {
    fn begin(inner: &'a Inner) -> Self {
        inner.asked.set(inner.asked.get() + 1);
        inner.at_once.set(inner.at_once.get() + 1);
        inner.most_at_once.set(inner.most_at_once.get().max(inner.at_once.get()));
        UnderWay(inner)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.at_once.set(self.0.at_once.get() - 1);
    }
}

#[async_trait(?Send)]
impl Exporter for Backend {
    async fn export(&self, batch: &Batch) -> Result<Delivered, Undelivered> {
        let _under_way = UnderWay::begin(&self.0);
        self.answer(batch).await
    }

    fn sending(&self) -> Sending {
        self.0.sending.borrow().clone()
    }
}
