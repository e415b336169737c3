//! What the tests share: processors, built as from a configuration.

use config::{Env, Mistakes, Node};
use pipeline::{Budget, Context, Host, Processor};

/// The processor called `name` with the settings `yaml`.
pub fn build(name: &str, yaml: &str) -> Result<Box<dyn Processor>, Mistakes> {
    build_on(&Host::default(), Env::default(), name, yaml)
}

/// The same, of settings that have no mistakes.
pub fn built(name: &str, yaml: &str) -> Box<dyn Processor> {
    build(name, yaml).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// The same, on `host`, in a process that was started with `env`.
pub fn build_on(host: &Host, env: Env, name: &str, yaml: &str) -> Result<Box<dyn Processor>, Mistakes> {
    let (id, user_agent) = (name.parse().unwrap(), String::new());
    let context = Context { id, env, budget: Budget::new(0), user_agent, host: host.clone() };
    let factories = processors::all();
    let factory = factories.iter().find(|factory| factory.is_called(name)).unwrap();
    (factory.build)(&Node::parse(yaml, &Env::default())?, &context)
}
