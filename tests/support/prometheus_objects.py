"""The objects of the target `prometheus-operator`, handed to Alertmanager as the operator would.

The operator makes its configuration from an AlertmanagerConfig, with the default matcher `OnNamespace`:
https://github.com/prometheus-operator/prometheus-operator/blob/v0.93.0/pkg/alertmanager/amcfg.go
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml


def objects_of(text: str) -> dict[str, Any]:
    return {each["kind"]: each for each in yaml.load_all(text, yaml.CSafeLoader)}


def alertmanager_of(config: Mapping[str, Any], folder: Path, token: str = "s3cret") -> dict[str, Any]:
    """Return the configuration of Alertmanager that has an AlertmanagerConfig and a receiver of others.

    ``token`` is the content of its Secret, which is written into ``folder``.
    """
    meta, spec = config["metadata"], config["spec"]
    start = f"{meta['namespace']}/{meta['name']}/"
    route = spec["route"]
    matchers = [f'namespace="{meta["namespace"]}"']
    matchers += [f'{each["name"]}{each["matchType"]}"{each["value"]}"' for each in route["matchers"]]
    return {
        "route": {
            "receiver": "others",
            "routes": [
                {
                    "receiver": start + route["receiver"],
                    "matchers": matchers,
                    "group_by": route["groupBy"],
                    "group_wait": route["groupWait"],
                    "group_interval": route["groupInterval"],
                    "repeat_interval": route["repeatInterval"],
                    "continue": True,
                }
            ],
        },
        "receivers": [
            {"name": "others"},
            *(
                {
                    "name": start + receiver["name"],
                    "webhook_configs": [_webhook(each, folder, token) for each in receiver["webhookConfigs"]],
                }
                for receiver in spec["receivers"]
            ),
        ],
    }


def _webhook(webhook: Mapping[str, Any], folder: Path, token: str) -> dict[str, Any]:
    config = {"url": webhook["url"], "send_resolved": webhook["sendResolved"], "max_alerts": webhook["maxAlerts"]}
    if "httpConfig" not in webhook:
        return config
    authorization = webhook["httpConfig"]["authorization"]
    secret = folder / authorization["credentials"]["name"]
    secret.mkdir(exist_ok=True)
    file = secret / authorization["credentials"]["key"]
    file.write_text(token, "utf-8")
    return {**config, "http_config": {"authorization": {"type": authorization["type"], "credentials_file": str(file)}}}
