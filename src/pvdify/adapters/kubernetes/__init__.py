"""Instances on a Kubernetes cluster, through its API. Imports lightkube only when the first request is made.

An app is a namespace, an instance a Deployment of one replica with a Service, and what runs once a pod of its own.
May import: ``model``, ``errors``, ``ports``, ``plumbing``.
"""
