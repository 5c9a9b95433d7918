# What most tutorials show.
FROM @BASE@
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
ENV @ENVIRONMENT@
CMD ["python", "app.py"]
