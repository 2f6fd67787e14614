"""GitHub's REST API: pull requests, webhooks, reports and sign-in. Imports plumbing, ports, model and errors."""
