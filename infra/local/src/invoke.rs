//! Functions as Lambda runs them: in environments that take one invocation at a time, each with
//! its own clients, and each reaching the outside under a path of its own, so that a fault that
//! kills an invocation knows which.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::bail;
use pesan_adapters::clock::Clock;
use pesan_lambda::{
    Body, Env, EventHandler, Handler, Invocation, InvocationFailed, Request, Response,
};
use pesan_sandbox::{CalledBy, KillSwitch};
use serde_json::Value;
use tokio::sync::{Notify, Semaphore};
use tower::ServiceExt as _;

/// Environments a function has at most; further invocations wait for one.
const MOST_ENVIRONMENTS: usize = 16;

/// What becomes of an invocation.
pub enum Outcome<T> {
    /// The function answered.
    Answered(T),
    /// The invocation died.
    Killed,
    /// The function could not be made.
    Broken(anyhow::Error),
}

/// The environments of all functions.
#[derive(Clone)]
pub struct Environments(Arc<Inner>);

struct Inner {
    clock: Clock,
    next: AtomicU64,
    running: AtomicUsize,
    /// By the environment's number: its function, and what kills the invocation in it.
    known: Mutex<HashMap<u64, (String, Arc<Notify>)>>,
}

/// The environments of one function.
#[derive(Clone)]
pub struct Pool {
    all: Environments,
    binary: String,
    variables: Arc<dyn Fn(u64) -> Env + Send + Sync>,
    idle: Arc<Mutex<Vec<Environment>>>,
    places: Arc<Semaphore>,
}

struct Environment {
    number: u64,
    function: Function,
    killed: Arc<Notify>,
}

/// A function, by what it is called with.
#[derive(Clone)]
enum Function {
    Http(Handler),
    Event(EventHandler),
}

impl Environments {
    /// None yet.
    pub fn new(clock: Clock) -> Self {
        Self(Arc::new(Inner {
            clock,
            next: AtomicU64::new(1),
            running: AtomicUsize::new(0),
            known: Mutex::default(),
        }))
    }

    /// Invocations under way.
    pub fn running(&self) -> usize {
        self.0.running.load(Ordering::SeqCst)
    }

    /// The function of an environment, and what kills the invocation that runs in it.
    pub fn caller(&self, number: u64) -> Option<(CalledBy, KillSwitch)> {
        let (function, killed) = self.0.known.lock().ok()?.get(&number)?.clone();
        let kill = KillSwitch(Arc::new(move || killed.notify_one()));
        Some((CalledBy(function), kill))
    }

    /// The environments of `binary`; `variables` are those of the environment of a number.
    pub fn pool(
        &self,
        binary: &str,
        variables: impl Fn(u64) -> Env + Send + Sync + 'static,
    ) -> Pool {
        Pool {
            all: self.clone(),
            binary: binary.to_owned(),
            variables: Arc::new(variables),
            idle: Arc::default(),
            places: Arc::new(Semaphore::new(MOST_ENVIRONMENTS)),
        }
    }
}

/// Whether the local stack has the binary.
pub fn is_known(binary: &str) -> bool {
    matches!(
        binary,
        "api"
            | "telegram-webhook"
            | "midtrans-notification"
            | "web"
            | "whatsapp-webhook"
            | "outbox-relay"
            | "message-sender"
            | "reconciler"
            | "billing-broadcast"
    )
}

async fn make(binary: &str, env: &Env, clock: Clock) -> anyhow::Result<Function> {
    use Function::{Event, Http};
    match binary {
        "api" => api::handler(env, clock).await.map(Http),
        "telegram-webhook" => telegram_webhook::handler(env, clock).await.map(Http),
        "midtrans-notification" => midtrans_notification::handler(env, clock).await.map(Http),
        "web" => web::handler(env, clock).await.map(Http),
        "whatsapp-webhook" => whatsapp_webhook::handler(env, clock).await.map(Http),
        "outbox-relay" => outbox_relay::handler(env, clock).await.map(Event),
        "message-sender" => message_sender::handler(env, clock).await.map(Event),
        "reconciler" => reconciler::handler(env, clock).await.map(Event),
        "billing-broadcast" => billing_broadcast::handler(env, clock).await.map(Event),
        other => bail!("there is no function {other}"),
    }
}

impl Pool {
    /// The binary it runs.
    pub fn binary(&self) -> &str {
        &self.binary
    }

    /// Answers an HTTP request with the function.
    pub async fn invoke(&self, request: Request) -> Outcome<Response<Body>> {
        self.run(|function| async move {
            match function {
                Function::Http(handler) => match handler.oneshot(request).await {
                    Ok(response) => Ok(response),
                    Err(never) => match never {},
                },
                Function::Event(_) => bail!("the function answers no HTTP request"),
            }
        })
        .await
    }

    /// Gives the function an event.
    pub async fn send(&self, event: Value) -> Outcome<Result<Value, InvocationFailed>> {
        let invocation = Invocation {
            event,
            request_id: pesan_sandbox::fresh_id(),
        };
        self.run(|function| async move {
            match function {
                Function::Event(handler) => Ok(handler.oneshot(invocation).await),
                Function::Http(_) => bail!("the function takes HTTP requests only"),
            }
        })
        .await
    }

    async fn run<T, Fut>(&self, call: impl FnOnce(Function) -> Fut) -> Outcome<T>
    where
        Fut: Future<Output = anyhow::Result<T>>,
    {
        let Ok(_place) = self.places.acquire().await else {
            return Outcome::Killed;
        };
        let environment = match self.environment().await {
            Ok(environment) => environment,
            Err(error) => return Outcome::Broken(error),
        };
        let running = &self.all.0.running;
        running.fetch_add(1, Ordering::SeqCst);
        let answered = tokio::select! {
            answer = call(environment.function.clone()) => Some(answer),
            () = environment.killed.notified() => None,
        };
        running.fetch_sub(1, Ordering::SeqCst);
        match answered {
            Some(Ok(answer)) => {
                if let Ok(mut idle) = self.idle.lock() {
                    idle.push(environment);
                }
                Outcome::Answered(answer)
            }
            Some(Err(error)) => Outcome::Broken(error),
            None => {
                if let Ok(mut known) = self.all.0.known.lock() {
                    known.remove(&environment.number);
                }
                Outcome::Killed
            }
        }
    }

    async fn environment(&self) -> anyhow::Result<Environment> {
        let idle = self.idle.lock().ok().and_then(|mut idle| idle.pop());
        if let Some(environment) = idle {
            return Ok(environment);
        }
        let number = self.all.0.next.fetch_add(1, Ordering::SeqCst);
        let env = (self.variables)(number);
        let function = make(&self.binary, &env, self.all.0.clock.clone()).await?;
        let killed = Arc::new(Notify::new());
        if let Ok(mut known) = self.all.0.known.lock() {
            known.insert(number, (self.binary.clone(), Arc::clone(&killed)));
        }
        Ok(Environment {
            number,
            function,
            killed,
        })
    }
}
