//! Dependencies run one way (DESIGN section 2).

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, MetadataCommand, Package};

const FUNCTIONS: [&str; 9] = [
    "api",
    "billing-broadcast",
    "message-sender",
    "midtrans-notification",
    "outbox-relay",
    "reconciler",
    "telegram-webhook",
    "web",
    "whatsapp-webhook",
];

fn allowed(package: &str) -> Vec<&'static str> {
    match package {
        "pesan-domain" | "pesan-lambda" | "pesan-sandbox" | "pesan-tests" => vec![],
        "pesan-adapters" => vec!["pesan-domain"],
        "pesan-service" => vec!["pesan-adapters", "pesan-domain"],
        "pesan-local" => [
            &FUNCTIONS[..],
            &[
                "pesan-adapters",
                "pesan-domain",
                "pesan-lambda",
                "pesan-sandbox",
                "pesan-service",
            ],
        ]
        .concat(),
        _ => vec![
            "pesan-adapters",
            "pesan-domain",
            "pesan-lambda",
            "pesan-service",
        ],
    }
}

#[test]
fn every_arrow_points_the_same_way() {
    let metadata = MetadataCommand::new().no_deps().exec().unwrap();
    let ours: BTreeSet<&str> = metadata
        .packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    for package in &metadata.packages {
        for name in names(package) {
            assert!(
                !ours.contains(name) || allowed(&package.name).contains(&name),
                "{} must not know {name}",
                package.name
            );
        }
    }
    for function in FUNCTIONS {
        assert!(ours.contains(function), "{function} is gone: say so here");
    }
}

#[test]
fn the_domain_knows_no_network_no_runtime_and_no_randomness() {
    let metadata = MetadataCommand::new().no_deps().exec().unwrap();
    let domain = metadata
        .packages
        .iter()
        .find(|package| package.name == "pesan-domain")
        .unwrap();
    let known = |kind| -> Vec<&str> {
        let of_kind = domain.dependencies.iter().filter(|one| one.kind == kind);
        of_kind.map(|one| one.name.as_str()).collect()
    };
    assert_eq!(known(DependencyKind::Normal), ["jiff", "thiserror"]);
    assert_eq!(known(DependencyKind::Development), ["proptest"]);
    assert!(known(DependencyKind::Build).is_empty());
}

fn names(package: &Package) -> impl Iterator<Item = &str> {
    package
        .dependencies
        .iter()
        .map(|dependency| dependency.name.as_str())
}
