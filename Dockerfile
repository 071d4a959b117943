# One image for web, worker, beat and migrate; the command says which.
FROM python:3.13-slim-bookworm

# The browser of the browser steps and the fonts its screenshots need; tini ends
# browsers whose worker died.
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        chromium chromium-driver fonts-dejavu fonts-noto-core tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 rpa \
    && install -d -o rpa -g rpa /data

# Keeps the browser off files and its own pages, whoever asks.
COPY deploy/chromium-policy.json /etc/chromium/policies/managed/rpa.json

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    RPA_BOOTSTRAP=0 \
    DATA_DIR=/data

WORKDIR /app
# Before the code, so that a change of code does not install everything again.
COPY requirements.txt ./
RUN pip install -r requirements.txt

COPY manage.py ./
COPY rpa ./rpa
COPY apps ./apps
COPY templates_seed ./templates_seed

USER rpa
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
ENTRYPOINT ["tini", "--", "python", "manage.py"]
CMD ["web", "--host=0.0.0.0"]
