//! The one domain: nothing is cached, and every path leads to its function over TLS.

use serde_json::{Value, json};

use super::Resources;
use super::functions::FUNCTIONS;

/// Managed policies of CloudFront, which have no names in CloudFormation.
const CACHING_DISABLED: &str = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad";
const ALL_VIEWER_EXCEPT_HOST_HEADER: &str = "b689b0a8-53d0-40ab-baf2-68738e2966ac";

pub(super) fn expect(expected: &mut Resources) {
    let mut config = json!({
        "Enabled": true,
        "Comment": {"Ref": "AWS::StackName"},
        "HttpVersion": "http2and3",
        "IPV6Enabled": true,
        "PriceClass": "PriceClass_All",
        "Aliases": if_domain(json!([{"Ref": "DomainName"}])),
        "ViewerCertificate": if_domain(json!({
            "AcmCertificateArn": {"Ref": "CertificateArn"},
            "MinimumProtocolVersion": "TLSv1.2_2021",
            "SslSupportMethod": "sni-only",
        })),
        "DefaultCacheBehavior": behaviour("web", "redirect-to-https"),
    });
    config["Origins"] = FUNCTIONS
        .iter()
        .filter(|function| function.has_url())
        .map(|function| origin(function.prefix, function.binary))
        .collect();
    config["CacheBehaviors"] = [
        ("/telegram/*", "telegram-webhook"),
        ("/midtrans/*", "midtrans-notification"),
        ("/whatsapp", "whatsapp-webhook"),
        ("/v1/*", "api"),
    ]
    .iter()
    .map(|(pattern, binary)| {
        // In the clear, a webhook has shown its secret already, and a caller its key.
        let mut behaviour = behaviour(binary, "https-only");
        behaviour["PathPattern"] = json!(pattern);
        behaviour
    })
    .collect();
    config["CustomErrorResponses"] = [400, 403, 404, 405, 500, 502, 503, 504]
        .iter()
        .map(|code| json!({"ErrorCode": code, "ErrorCachingMinTTL": 0}))
        .collect();
    let distribution = json!({
        "Type": "AWS::CloudFront::Distribution",
        "Metadata": {"cfn-lint": {"config": {"ignore_checks": ["W1030"]}}},
        "Properties": {"DistributionConfig": config},
    });
    expected.insert("Distribution".to_owned(), distribution);
}

fn if_domain(value: Value) -> Value {
    json!({"Fn::If": ["HasDomain", value, {"Ref": "AWS::NoValue"}]})
}

fn origin(prefix: &str, binary: &str) -> Value {
    let url = json!({"Fn::GetAtt": format!("{prefix}FunctionUrl.FunctionUrl")});
    json!({
        "Id": binary,
        "DomainName": {"Fn::Select": [2, {"Fn::Split": ["/", url]}]},
        "CustomOriginConfig": {
            "OriginProtocolPolicy": "https-only",
            "OriginSSLProtocols": ["TLSv1.2"],
        },
    })
}

fn behaviour(target: &str, protocol: &str) -> Value {
    json!({
        "TargetOriginId": target,
        "ViewerProtocolPolicy": protocol,
        "AllowedMethods": ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"],
        "CachePolicyId": CACHING_DISABLED,
        "OriginRequestPolicyId": ALL_VIEWER_EXCEPT_HOST_HEADER,
    })
}
