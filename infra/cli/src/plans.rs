//! `pesan plans`.

use pesan_domain::subscriber::Plan;
use pesan_service::{App, plans};
use serde_json::{Value, json};

use crate::arguments::{PlanSettings, PlansCommand};
use crate::report::Report;
use crate::table::Table;

/// Runs a command about plans.
pub async fn run(app: &App, command: PlansCommand) -> anyhow::Result<Report> {
    match command {
        PlansCommand::Add {
            id,
            plan,
            name,
            fee,
        } => {
            let plan = Plan::new(plan, &name, fee);
            plans::add(app, &id, &plan).await?;
            let text = format!("{} is made, at {} a month", plan.id, plan.monthly_fee);
            Ok(Report::good(text, as_json(&plan)))
        }
        PlansCommand::List { id } => {
            let all = plans::list(app, &id).await?;
            Ok(listed(all.all()))
        }
        PlansCommand::Set(settings) => {
            let plan = plans::change(app, &settings.id, &settings.plan, |plan| {
                apply(plan, &settings);
            });
            let plan = plan.await?;
            let text = format!(
                "{} is {} at {} a month from the next bill on",
                plan.id, plan.name, plan.monthly_fee
            );
            Ok(Report::good(text, as_json(&plan)))
        }
        PlansCommand::Remove { id, plan } => {
            let plan = plans::archive(app, &id, &plan).await?;
            let text = format!(
                "{} takes nobody new; who has it keeps it. `pesan plans set {id} {} --archived \
                 false` takes that back",
                plan.id, plan.id
            );
            Ok(Report::good(text, as_json(&plan)))
        }
    }
}

fn apply(plan: &mut Plan, settings: &PlanSettings) {
    if let Some(name) = &settings.name {
        plan.name.clone_from(name);
    }
    plan.monthly_fee = settings.fee.unwrap_or(plan.monthly_fee);
    plan.is_archived = settings.archived.unwrap_or(plan.is_archived);
}

fn listed(all: &[Plan]) -> Report {
    let json: Vec<Value> = all.iter().map(as_json).collect();
    let json = json!({"plans": json});
    if all.is_empty() {
        return Report::good("there is no plan yet: `pesan plans add` makes one", json);
    }
    let mut table = Table::new(["id", "name", "a month", ""]);
    for plan in all {
        let archived = if plan.is_archived { "archived" } else { "" };
        table.row([
            plan.id.to_string(),
            plan.name.clone(),
            plan.monthly_fee.to_string(),
            archived.to_owned(),
        ]);
    }
    Report::good(table.to_string(), json)
}

fn as_json(plan: &Plan) -> Value {
    json!({
        "id": plan.id.as_str(),
        "name": plan.name,
        "monthly_fee": plan.monthly_fee.get(),
        "archived": plan.is_archived,
    })
}
