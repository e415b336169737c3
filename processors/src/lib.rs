//! The processors. [`all`] is the list; each is a file of its own.

use pipeline::{Factory, Processor};

mod actions;
mod attributes;
mod batch;
mod coldstart;
mod decouple;
mod filter;
mod matching;
mod memory_limiter;
mod ottl;
mod pattern;
mod probabilistic_sampler;
mod resource;
mod resourcedetection;
mod span;
mod transform;

/// Every processor of this distribution.
pub fn all() -> Vec<Factory<dyn Processor>> {
    vec![
        Factory::new("attributes", attributes::build),
        Factory::new("batch", batch::build),
        Factory::new("coldstart", coldstart::build),
        Factory::new("decouple", decouple::build),
        Factory::new("filter", filter::build),
        Factory::new("memory_limiter", memory_limiter::build),
        Factory::new("probabilistic_sampler", probabilistic_sampler::build),
        Factory::new("resource", resource::build),
        Factory::new("resourcedetection", resourcedetection::build).alias("resource_detection"),
        Factory::new("span", span::build),
        Factory::new("transform", transform::build),
    ]
}
