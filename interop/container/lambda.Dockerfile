# What AWS's base image for Python is to a user's Dockerfile, on Debian: a runtime, its entry point, a place for code.
FROM scratch
ADD debian.tar /
ENV LAMBDA_TASK_ROOT=/var/task
WORKDIR /var/task
RUN pip install --no-cache-dir --break-system-packages awslambdaric==4.2.2 \
 && printf '#!/bin/sh\nexec python3 -m awslambdaric "$@"\n' > /lambda-entrypoint.sh \
 && chmod 0755 /lambda-entrypoint.sh
ENTRYPOINT ["/lambda-entrypoint.sh"]
